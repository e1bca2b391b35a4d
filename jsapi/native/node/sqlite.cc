// SPDX-License-Identifier: Apache-2.0
// The native half of node:sqlite: databases, statements, sessions and functions of JavaScript, over Debian's libsqlite3.
#include <sqlite3.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "jsapi/native/node/bindings.hh"
#include "jsapi/native/node/bytes.hh"
#include "jsapi/native/node/native_object.hh"
#include "jsapi/native/node/pool.hh"
#include "runtime/isolate_host.hh"
#include "runtime/v8_text.hh"

// Debian's header hides them behind options that its library was built with.
extern "C" {
struct sqlite3_session;
int sqlite3session_create(sqlite3*, const char*, sqlite3_session**);
void sqlite3session_delete(sqlite3_session*);
int sqlite3session_attach(sqlite3_session*, const char*);
int sqlite3session_changeset(sqlite3_session*, int*, void**);
int sqlite3session_patchset(sqlite3_session*, int*, void**);
struct sqlite3_changeset_iter;
int sqlite3changeset_apply(sqlite3*, int, void*, int (*)(void*, const char*),
                           int (*)(void*, int, sqlite3_changeset_iter*), void*);
}

namespace sluice::jsapi {

using Info = v8::FunctionCallbackInfo<v8::Value>;
using runtime::from_v8;
using runtime::IsolateHost;
using runtime::to_v8;

namespace {

struct Sqlite {
  explicit Sqlite(IsolateHost& host) : objects(host.isolate()), pool(host) {}
  NativeObjects objects;
  PoolWork pool;
};
Sqlite& sqlite_of(const Info& info) { return *static_cast<Sqlite*>(info.Data().As<v8::External>()->Value()); }

// What statements and sessions share: it is closed with the last of them, or by close().
struct Connection {
  sqlite3* db = nullptr;
  bool thrown = false;  // a function of JavaScript threw: its error counts, not SQLite's
  v8::Isolate* isolate = nullptr;
  v8::Global<v8::Function> authorizer;
  std::vector<sqlite3_session*> sessions;
  ~Connection() { close(); }
  void close() {
    for (sqlite3_session* session : sessions) ::sqlite3session_delete(session);
    sessions.clear();
    if (db != nullptr) ::sqlite3_close_v2(db);
    db = nullptr;
  }
};
using ConnectionRef = std::shared_ptr<Connection>;
struct Database {
  ConnectionRef connection;
};
struct Statement {
  ConnectionRef connection;
  sqlite3_stmt* statement = nullptr;
  v8::Global<v8::Array> names;  // of the columns, made once
  uint64_t uses = 0;            // an iterator of before is not one of now
  ~Statement() { ::sqlite3_finalize(statement); }
};
struct Session {
  ConnectionRef connection;
  sqlite3_session* session = nullptr;
  void close() {
    if (session == nullptr) return;
    std::erase(connection->sessions, session);
    if (connection->db != nullptr) ::sqlite3session_delete(session);
    session = nullptr;
  }
  ~Session() {
    if (session != nullptr && std::erase(connection->sessions, session) > 0) ::sqlite3session_delete(session);
  }
};

void throw_code(v8::Isolate* isolate, v8::Local<v8::Value> (*make)(v8::Local<v8::String>), const char* code,
                const std::string& message) {
  runtime::throw_error(isolate, make, message, code);
}
void throw_sqlite(v8::Isolate* isolate, int number, const char* message) {
  v8::Local<v8::Object> error = v8::Exception::Error(to_v8(isolate, message)).As<v8::Object>();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  error->Set(context, runtime::name_of(isolate, "code"), to_v8(isolate, "ERR_SQLITE_ERROR")).Check();
  error->Set(context, runtime::name_of(isolate, "errcode"), v8::Integer::New(isolate, number)).Check();
  error->Set(context, runtime::name_of(isolate, "errstr"), to_v8(isolate, ::sqlite3_errstr(number))).Check();
  isolate->ThrowException(error);
}
// What the last call on the connection said; nothing when a function of JavaScript threw.
void throw_last(v8::Isolate* isolate, Connection& connection) {
  if (connection.thrown) {
    connection.thrown = false;
    return;
  }
  throw_sqlite(isolate, ::sqlite3_extended_errcode(connection.db), ::sqlite3_errmsg(connection.db));
}

Database* open_database(const Info& info) {
  Database* database = NativeObjects::unwrap<Database>(info[0]);
  return database != nullptr && database->connection->db != nullptr ? database : nullptr;
}

// open(path, read only, timeout ms, foreign keys, double-quoted strings, extensions, defensive): a handle
void open(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const std::string path = from_v8(isolate, info[0]);
  auto connection = std::make_shared<Connection>();
  connection->isolate = isolate;
  const int flags = info[1]->IsTrue() ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  if (::sqlite3_open_v2(path.c_str(), &connection->db, flags | SQLITE_OPEN_URI, nullptr) != SQLITE_OK)
    return throw_last(isolate, *connection);
  ::sqlite3_extended_result_codes(connection->db, 1);
  const auto option = [&](int name, bool on) { ::sqlite3_db_config(connection->db, name, on ? 1 : 0, nullptr); };
  option(SQLITE_DBCONFIG_DQS_DML, info[4]->IsTrue());
  option(SQLITE_DBCONFIG_DQS_DDL, info[4]->IsTrue());
  option(SQLITE_DBCONFIG_ENABLE_FKEY, info[3]->IsTrue());
  option(SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, info[5]->IsTrue());
  option(SQLITE_DBCONFIG_DEFENSIVE, info[6]->IsTrue());
  ::sqlite3_busy_timeout(connection->db, static_cast<int>(info[2].As<v8::Number>()->Value()));
  auto database = std::make_unique<Database>();
  database->connection = std::move(connection);
  info.GetReturnValue().Set(sqlite_of(info).objects.wrap(std::move(database), 64 << 10));
}
void close(const Info& info) {
  if (Database* database = open_database(info)) database->connection->close();
}
void exec(const Info& info) {
  Database* database = open_database(info);
  if (database == nullptr) return;
  const ConnectionRef connection = database->connection;
  const std::string sql = from_v8(info.GetIsolate(), info[1]);
  if (::sqlite3_exec(connection->db, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    throw_last(info.GetIsolate(), *connection);
}
void in_transaction(const Info& info) {
  if (Database* database = open_database(info))
    info.GetReturnValue().Set(::sqlite3_get_autocommit(database->connection->db) == 0);
}
void location(const Info& info) {
  Database* database = open_database(info);
  if (database == nullptr) return;
  const char* path = ::sqlite3_db_filename(database->connection->db, from_v8(info.GetIsolate(), info[1]).c_str());
  if (path != nullptr && *path != '\0') info.GetReturnValue().Set(to_v8(info.GetIsolate(), path));
  else info.GetReturnValue().SetNull();
}
// config(db, 0 extensions 1 defensive, on)
void config(const Info& info) {
  Database* database = open_database(info);
  if (database == nullptr) return;
  const int names[] = {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, SQLITE_DBCONFIG_DEFENSIVE};
  ::sqlite3_db_config(database->connection->db, names[info[1].As<v8::Int32>()->Value() & 1], info[2]->IsTrue() ? 1 : 0, nullptr);
}
// limit(db, which, value or -1): what it was
void limit(const Info& info) {
  if (Database* database = open_database(info))
    info.GetReturnValue().Set(::sqlite3_limit(database->connection->db, info[1].As<v8::Int32>()->Value(),
                                              static_cast<int>(info[2].As<v8::Number>()->Value())));
}
void load_extension(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Database* database = open_database(info);
  if (database == nullptr) return;
  const std::string entry = info[2]->IsString() ? from_v8(isolate, info[2]) : "";
  char* message = nullptr;
  const int result = ::sqlite3_load_extension(database->connection->db, from_v8(isolate, info[1]).c_str(),
                                              entry.empty() ? nullptr : entry.c_str(), &message);
  if (result != SQLITE_OK) throw_code(isolate, v8::Exception::Error, "ERR_LOAD_SQLITE_EXTENSION", message != nullptr ? message : "refused");
  ::sqlite3_free(message);
}

// ---- values

constexpr int kBigInts = 1, kArrays = 2, kBareNames = 4, kUnknownNames = 8;

// Empty: a number that JavaScript cannot hold; the error is thrown.
template <typename Integer, typename Double, typename Text, typename Blob>
v8::MaybeLocal<v8::Value> value_of(v8::Isolate* isolate, int type, bool big, Integer integer, Double number, Text text, Blob blob) {
  switch (type) {
    case SQLITE_INTEGER: {
      const int64_t value = integer();
      if (big) return v8::BigInt::New(isolate, value).As<v8::Value>();
      if (value >= -(int64_t{1} << 53) + 1 && value <= (int64_t{1} << 53) - 1)
        return v8::Number::New(isolate, static_cast<double>(value)).As<v8::Value>();
      throw_code(isolate, v8::Exception::RangeError, "ERR_OUT_OF_RANGE",
                 "Value is too large to be represented as a JavaScript number: " + std::to_string(value));
      return {};
    }
    case SQLITE_FLOAT: return v8::Number::New(isolate, number()).As<v8::Value>();
    case SQLITE_TEXT: return to_v8(isolate, text()).As<v8::Value>();
    case SQLITE_BLOB: return new_bytes(isolate, blob()).As<v8::Value>();
    default: return v8::Null(isolate).As<v8::Value>();
  }
}
v8::MaybeLocal<v8::Value> column_value(v8::Isolate* isolate, sqlite3_stmt* at, int i, bool big) {
  return value_of(
      isolate, ::sqlite3_column_type(at, i), big, [&] { return ::sqlite3_column_int64(at, i); },
      [&] { return ::sqlite3_column_double(at, i); },
      [&] {
        const auto* text = reinterpret_cast<const char*>(::sqlite3_column_text(at, i));
        return std::string_view(text, static_cast<size_t>(::sqlite3_column_bytes(at, i)));
      },
      [&] {
        const auto* bytes = static_cast<const uint8_t*>(::sqlite3_column_blob(at, i));
        return std::span<const uint8_t>(bytes, static_cast<size_t>(::sqlite3_column_bytes(at, i)));
      });
}
v8::MaybeLocal<v8::Value> argument_value(v8::Isolate* isolate, sqlite3_value* at, bool big) {
  return value_of(
      isolate, ::sqlite3_value_type(at), big, [&] { return ::sqlite3_value_int64(at); },
      [&] { return ::sqlite3_value_double(at); },
      [&] {
        const auto* text = reinterpret_cast<const char*>(::sqlite3_value_text(at));
        return std::string_view(text, static_cast<size_t>(::sqlite3_value_bytes(at)));
      },
      [&] {
        const auto* bytes = static_cast<const uint8_t*>(::sqlite3_value_blob(at));
        return std::span<const uint8_t>(bytes, static_cast<size_t>(::sqlite3_value_bytes(at)));
      });
}

// ---- statements

// prepare(db, sql)
void prepare(const Info& info) {
  Database* database = open_database(info);
  if (database == nullptr) return;
  v8::Isolate* isolate = info.GetIsolate();
  const InputBytes sql(isolate, info[1]);
  auto made = std::make_unique<Statement>();
  made->connection = database->connection;
  if (::sqlite3_prepare_v2(database->connection->db, reinterpret_cast<const char*>(sql.data()), static_cast<int>(sql.size()),
                           &made->statement, nullptr) != SQLITE_OK)
    return throw_last(isolate, *database->connection);
  info.GetReturnValue().Set(sqlite_of(info).objects.wrap(std::move(made), 4096));
}

bool bind(v8::Isolate* isolate, Statement& statement, int index, v8::Local<v8::Value> value) {
  sqlite3_stmt* at = statement.statement;
  int result = SQLITE_OK;
  if (value->IsNumber()) {
    result = ::sqlite3_bind_double(at, index, value.As<v8::Number>()->Value());
  } else if (value->IsString()) {
    const InputBytes text(isolate, value);
    result = ::sqlite3_bind_text64(at, index, reinterpret_cast<const char*>(text.data()), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  } else if (value->IsNull()) {
    result = ::sqlite3_bind_null(at, index);
  } else if (value->IsArrayBufferView()) {
    const InputBytes bytes(isolate, value);
    result = ::sqlite3_bind_blob64(at, index, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
  } else if (value->IsBigInt()) {
    bool lossless = false;
    const int64_t number = value.As<v8::BigInt>()->Int64Value(&lossless);
    if (!lossless) {
      throw_code(isolate, v8::Exception::TypeError, "ERR_INVALID_ARG_VALUE", "BigInt value is too large to bind.");
      return false;
    }
    result = ::sqlite3_bind_int64(at, index, number);
  } else {
    throw_code(isolate, v8::Exception::TypeError, "ERR_INVALID_ARG_TYPE",
               "Provided value cannot be bound to SQLite parameter " + std::to_string(index) + ".");
    return false;
  }
  if (result == SQLITE_OK) return true;
  throw_last(isolate, *statement.connection);
  return false;
}

// The index of a name that may lack its sign; 0: none; -1: thrown.
int named_index(v8::Isolate* isolate, sqlite3_stmt* at, const std::string& name, bool bare) {
  if (const int index = ::sqlite3_bind_parameter_index(at, name.c_str())) return index;
  if (!bare) return 0;
  int found = 0;
  for (const char sign : {'$', ':', '@'}) {
    const std::string full = sign + name;
    const int index = ::sqlite3_bind_parameter_index(at, full.c_str());
    if (index == 0) continue;
    if (found != 0) {
      throw_code(isolate, v8::Exception::Error, "ERR_INVALID_STATE",
                 "Cannot create bare named parameter '" + name + "' because of conflicting names '" +
                     ::sqlite3_bind_parameter_name(at, std::min(found, index)) + "' and '" +
                     ::sqlite3_bind_parameter_name(at, std::max(found, index)) + "'.");
      return -1;
    }
    found = index;
  }
  return found;
}

// The arguments behind the first two: an object of names first, if any, then values in order.
bool bind_all(const Info& info, Statement& statement, int flags, int from) {
  v8::Isolate* isolate = info.GetIsolate();
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  sqlite3_stmt* at = statement.statement;
  ::sqlite3_clear_bindings(at);
  if (info.Length() > from && info[from]->IsObject() && !info[from]->IsArrayBufferView() && !info[from]->IsFunction()) {
    v8::Local<v8::Object> named = info[from].As<v8::Object>();
    v8::Local<v8::Array> keys;
    if (!named->GetOwnPropertyNames(context).ToLocal(&keys)) return false;
    for (uint32_t i = 0; i < keys->Length(); ++i) {
      v8::Local<v8::Value> key, value;
      if (!keys->Get(context, i).ToLocal(&key) || !named->Get(context, key).ToLocal(&value)) return false;
      const std::string name = from_v8(isolate, key);
      const int index = named_index(isolate, at, name, (flags & kBareNames) != 0);
      if (index < 0) return false;
      if (index == 0) {
        if (flags & kUnknownNames) continue;
        throw_code(isolate, v8::Exception::Error, "ERR_INVALID_STATE", "Unknown named parameter '" + name + "'");
        return false;
      }
      if (!bind(isolate, statement, index, value)) return false;
    }
    ++from;
  }
  int index = 1;
  for (int i = from; i < info.Length(); ++i, ++index) {
    // Those with names are not counted.
    while (::sqlite3_bind_parameter_name(at, index) != nullptr && ::sqlite3_bind_parameter_name(at, index)[0] != '?') ++index;
    if (!bind(isolate, statement, index, info[i])) return false;
  }
  return true;
}

v8::MaybeLocal<v8::Value> row_of(v8::Isolate* isolate, Statement& statement, int flags) {
  sqlite3_stmt* at = statement.statement;
  v8::Local<v8::Context> context = isolate->GetCurrentContext();
  const int count = ::sqlite3_column_count(at);
  std::vector<v8::Local<v8::Value>> values(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i)
    if (!column_value(isolate, at, i, (flags & kBigInts) != 0).ToLocal(&values[static_cast<size_t>(i)])) return {};
  if (flags & kArrays) return v8::Array::New(isolate, values.data(), values.size()).As<v8::Value>();
  std::vector<v8::Local<v8::Name>> names(static_cast<size_t>(count));
  if (statement.names.IsEmpty() || statement.names.Get(isolate)->Length() != static_cast<uint32_t>(count)) {
    v8::Local<v8::Array> made = v8::Array::New(isolate, count);
    for (int i = 0; i < count; ++i)
      made->Set(context, static_cast<uint32_t>(i), runtime::name_of(isolate, ::sqlite3_column_name(at, i))).Check();
    statement.names.Reset(isolate, made);
  }
  v8::Local<v8::Array> known = statement.names.Get(isolate);
  for (int i = 0; i < count; ++i)
    names[static_cast<size_t>(i)] = known->Get(context, static_cast<uint32_t>(i)).ToLocalChecked().As<v8::Name>();
  return v8::Object::New(isolate, v8::Null(isolate), names.data(), values.data(), static_cast<size_t>(count)).As<v8::Value>();
}

Statement* statement_of(const Info& info) {
  Statement* statement = NativeObjects::unwrap<Statement>(info[0]);
  return statement != nullptr && statement->connection->db != nullptr ? statement : nullptr;
}
int flags_of(const Info& info) { return info[1].As<v8::Int32>()->Value(); }

// all(statement, flags, ...parameters): rows
void all(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Statement* statement = statement_of(info);
  if (statement == nullptr) return;
  const int flags = flags_of(info);
  ++statement->uses;
  statement->names.Reset();
  ::sqlite3_reset(statement->statement);
  if (!bind_all(info, *statement, flags, 2)) return;
  std::vector<v8::Local<v8::Value>> rows;
  int result;
  while ((result = ::sqlite3_step(statement->statement)) == SQLITE_ROW) {
    v8::Local<v8::Value> row;
    if (!row_of(isolate, *statement, flags).ToLocal(&row)) {
      ::sqlite3_reset(statement->statement);
      return;
    }
    rows.push_back(row);
  }
  if (result != SQLITE_DONE) throw_last(isolate, *statement->connection);
  else info.GetReturnValue().Set(v8::Array::New(isolate, rows.data(), rows.size()));
  ::sqlite3_reset(statement->statement);
}
// get(statement, flags, ...parameters): the first row or undefined
void get(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Statement* statement = statement_of(info);
  if (statement == nullptr) return;
  ++statement->uses;
  statement->names.Reset();
  ::sqlite3_reset(statement->statement);
  if (!bind_all(info, *statement, flags_of(info), 2)) return;
  const int result = ::sqlite3_step(statement->statement);
  v8::Local<v8::Value> row;
  if (result == SQLITE_ROW) {
    if (row_of(isolate, *statement, flags_of(info)).ToLocal(&row)) info.GetReturnValue().Set(row);
  } else if (result != SQLITE_DONE) {
    throw_last(isolate, *statement->connection);
  }
  ::sqlite3_reset(statement->statement);
}
// run(statement, flags, ...parameters): [changes, last rowid]
void run(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Statement* statement = statement_of(info);
  if (statement == nullptr) return;
  ++statement->uses;
  ::sqlite3_reset(statement->statement);
  if (!bind_all(info, *statement, flags_of(info), 2)) return;
  int result;
  while ((result = ::sqlite3_step(statement->statement)) == SQLITE_ROW) {
  }
  if (result != SQLITE_DONE) {
    throw_last(isolate, *statement->connection);
    ::sqlite3_reset(statement->statement);
    return;
  }
  ::sqlite3_reset(statement->statement);
  sqlite3* db = statement->connection->db;
  const int64_t numbers[] = {::sqlite3_changes64(db), ::sqlite3_last_insert_rowid(db)};
  v8::Local<v8::Value> both[2];
  for (int i = 0; i < 2; ++i)
    both[i] = flags_of(info) & kBigInts ? v8::BigInt::New(isolate, numbers[i]).As<v8::Value>()
                                        : v8::Number::New(isolate, static_cast<double>(numbers[i])).As<v8::Value>();
  info.GetReturnValue().Set(v8::Array::New(isolate, both, 2));
}
// begin(statement, flags, ...parameters): the number of this use, for next()
void begin(const Info& info) {
  Statement* statement = statement_of(info);
  if (statement == nullptr) return;
  ++statement->uses;
  statement->names.Reset();
  ::sqlite3_reset(statement->statement);
  if (bind_all(info, *statement, flags_of(info), 2)) info.GetReturnValue().Set(static_cast<double>(statement->uses));
}
// next(statement, flags, use): a row; undefined: no more; null: the statement has been used for something else
void next(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Statement* statement = statement_of(info);
  if (statement == nullptr || static_cast<double>(statement->uses) != info[2].As<v8::Number>()->Value()) {
    info.GetReturnValue().SetNull();
    return;
  }
  const int result = ::sqlite3_step(statement->statement);
  v8::Local<v8::Value> row;
  if (result == SQLITE_ROW) {
    if (row_of(isolate, *statement, flags_of(info)).ToLocal(&row)) info.GetReturnValue().Set(row);
    return;
  }
  if (result != SQLITE_DONE) throw_last(isolate, *statement->connection);
  ::sqlite3_reset(statement->statement);
}
void rewind(const Info& info) {
  if (Statement* statement = statement_of(info)) ::sqlite3_reset(statement->statement);
}
// columns(statement): column, database, name, table, type, for each
void columns(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Statement* statement = statement_of(info);
  if (statement == nullptr) return;
  std::vector<v8::Local<v8::Value>> parts;
  sqlite3_stmt* at = statement->statement;
  for (int i = 0; i < ::sqlite3_column_count(at); ++i)
    for (const char* text : {::sqlite3_column_origin_name(at, i), ::sqlite3_column_database_name(at, i), ::sqlite3_column_name(at, i),
                             ::sqlite3_column_table_name(at, i), ::sqlite3_column_decltype(at, i)})
      parts.push_back(text != nullptr ? to_v8(isolate, text).As<v8::Value>() : v8::Null(isolate).As<v8::Value>());
  info.GetReturnValue().Set(v8::Array::New(isolate, parts.data(), parts.size()));
}
void source_sql(const Info& info) {
  if (Statement* statement = statement_of(info)) info.GetReturnValue().Set(to_v8(info.GetIsolate(), ::sqlite3_sql(statement->statement)));
}
void expanded_sql(const Info& info) {
  Statement* statement = statement_of(info);
  if (statement == nullptr) return;
  char* text = ::sqlite3_expanded_sql(statement->statement);
  if (text == nullptr) return throw_code(info.GetIsolate(), v8::Exception::Error, "ERR_SQLITE_ERROR", "Expanded SQL text would exceed configured limits");
  info.GetReturnValue().Set(to_v8(info.GetIsolate(), text));
  ::sqlite3_free(text);
}
// Whether the database of a statement is open.
void alive(const Info& info) { info.GetReturnValue().Set(statement_of(info) != nullptr); }

// ---- functions of JavaScript

struct Functions {
  Connection* connection;
  bool big;
  v8::Global<v8::Function> plain, step, inverse, result;
  v8::Global<v8::Value> start;
};
// The running value of an aggregate; SQLite makes it of zeros.
struct Running {
  v8::Global<v8::Value>* value;
};

void give(sqlite3_context* to, v8::Isolate* isolate, v8::Local<v8::Value> value, Connection& connection) {
  if (value->IsNumber()) {
    ::sqlite3_result_double(to, value.As<v8::Number>()->Value());
  } else if (value->IsString()) {
    const InputBytes text(isolate, value);
    ::sqlite3_result_text64(to, reinterpret_cast<const char*>(text.data()), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  } else if (value->IsNullOrUndefined()) {
    ::sqlite3_result_null(to);
  } else if (value->IsArrayBufferView()) {
    const InputBytes bytes(isolate, value);
    ::sqlite3_result_blob64(to, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
  } else if (value->IsBigInt()) {
    bool lossless = false;
    const int64_t number = value.As<v8::BigInt>()->Int64Value(&lossless);
    if (lossless) return ::sqlite3_result_int64(to, number);
    ::sqlite3_result_error(to, "BigInt value is too large for SQLite", -1);
  } else if (value->IsPromise()) {
    ::sqlite3_result_error(to, "Asynchronous user-defined functions are not supported", -1);
  } else {
    ::sqlite3_result_error(to, "Returned JavaScript value cannot be converted to a SQLite value", -1);
  }
  (void)connection;
}
// The error of JavaScript stays on its way; SQLite only has to stop.
void stop(sqlite3_context* to, Connection& connection) {
  connection.thrown = true;
  ::sqlite3_result_error(to, "", 0);
}
bool arguments_of(v8::Isolate* isolate, int count, sqlite3_value** values, bool big, std::vector<v8::Local<v8::Value>>& to) {
  for (int i = 0; i < count; ++i) {
    v8::Local<v8::Value> value;
    if (!argument_value(isolate, values[i], big).ToLocal(&value)) return false;
    to.push_back(value);
  }
  return true;
}
void call_plain(sqlite3_context* to, int count, sqlite3_value** values) {
  auto& functions = *static_cast<Functions*>(::sqlite3_user_data(to));
  v8::Isolate* isolate = functions.connection->isolate;
  v8::HandleScope scope(isolate);
  std::vector<v8::Local<v8::Value>> arguments;
  v8::Local<v8::Value> result;
  if (!arguments_of(isolate, count, values, functions.big, arguments) ||
      !functions.plain.Get(isolate)
           ->Call(isolate->GetCurrentContext(), v8::Undefined(isolate), static_cast<int>(arguments.size()), arguments.data())
           .ToLocal(&result))
    return stop(to, *functions.connection);
  give(to, isolate, result, *functions.connection);
}
// The present value, begun by `start` when there is none yet.
bool running_value(sqlite3_context* to, Functions& functions, v8::Global<v8::Value>*& value) {
  v8::Isolate* isolate = functions.connection->isolate;
  auto* running = static_cast<Running*>(::sqlite3_aggregate_context(to, sizeof(Running)));
  if (running->value == nullptr) {
    v8::Local<v8::Value> start = functions.start.Get(isolate);
    if (start->IsFunction() &&
        !start.As<v8::Function>()->Call(isolate->GetCurrentContext(), v8::Null(isolate), 0, nullptr).ToLocal(&start))
      return false;
    running->value = new v8::Global<v8::Value>(isolate, start);
  }
  value = running->value;
  return true;
}
void call_step(sqlite3_context* to, int count, sqlite3_value** values, v8::Global<v8::Function> Functions::*which) {
  auto& functions = *static_cast<Functions*>(::sqlite3_user_data(to));
  if (functions.connection->thrown) return;
  v8::Isolate* isolate = functions.connection->isolate;
  v8::HandleScope scope(isolate);
  v8::Global<v8::Value>* value = nullptr;
  v8::Local<v8::Value> result;
  if (!running_value(to, functions, value)) return stop(to, *functions.connection);
  std::vector<v8::Local<v8::Value>> arguments = {value->Get(isolate)};
  if (!arguments_of(isolate, count, values, functions.big, arguments) ||
      !(functions.*which)
           .Get(isolate)
           ->Call(isolate->GetCurrentContext(), v8::Undefined(isolate), static_cast<int>(arguments.size()), arguments.data())
           .ToLocal(&result))
    return stop(to, *functions.connection);
  value->Reset(isolate, result);
}
void call_result(sqlite3_context* to, bool last) {
  auto& functions = *static_cast<Functions*>(::sqlite3_user_data(to));
  v8::Isolate* isolate = functions.connection->isolate;
  v8::HandleScope scope(isolate);
  v8::Global<v8::Value>* value = nullptr;
  if (!functions.connection->thrown) {
    v8::Local<v8::Value> result;
    bool fine = running_value(to, functions, value);
    if (fine) {
      result = value->Get(isolate);
      if (!functions.result.IsEmpty())
        fine = functions.result.Get(isolate)->Call(isolate->GetCurrentContext(), v8::Undefined(isolate), 1, &result).ToLocal(&result);
    }
    if (fine) give(to, isolate, result, *functions.connection);
    else stop(to, *functions.connection);
  } else {
    ::sqlite3_result_error(to, "", 0);
  }
  if (!last) return;
  auto* running = static_cast<Running*>(::sqlite3_aggregate_context(to, 0));
  if (running != nullptr) {
    delete running->value;
    running->value = nullptr;
  }
}
void forget(void* functions) { delete static_cast<Functions*>(functions); }

int function_flags(const Info& info, int at) {
  return SQLITE_UTF8 | (info[at]->IsTrue() ? SQLITE_DETERMINISTIC : 0) | (info[at + 1]->IsTrue() ? SQLITE_DIRECTONLY : 0);
}
// function(db, name, arguments or -1, big, deterministic, direct only, function)
void add_function(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Database* database = open_database(info);
  if (database == nullptr) return;
  auto* functions = new Functions{database->connection.get(), info[3]->IsTrue(), {}, {}, {}, {}, {}};
  functions->plain.Reset(isolate, info[6].As<v8::Function>());
  if (::sqlite3_create_function_v2(database->connection->db, from_v8(isolate, info[1]).c_str(),
                                   static_cast<int>(info[2].As<v8::Number>()->Value()), function_flags(info, 4), functions, call_plain,
                                   nullptr, nullptr, forget) != SQLITE_OK)
    throw_last(isolate, *database->connection);
}
// aggregate(db, name, arguments or -1, big, deterministic, direct only, start, step, result or undefined, inverse or undefined)
void add_aggregate(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Database* database = open_database(info);
  if (database == nullptr) return;
  auto* functions = new Functions{database->connection.get(), info[3]->IsTrue(), {}, {}, {}, {}, {}};
  functions->start.Reset(isolate, info[6]);
  functions->step.Reset(isolate, info[7].As<v8::Function>());
  if (info[8]->IsFunction()) functions->result.Reset(isolate, info[8].As<v8::Function>());
  const bool window = info[9]->IsFunction();
  if (window) functions->inverse.Reset(isolate, info[9].As<v8::Function>());
  const auto step = [](sqlite3_context* to, int count, sqlite3_value** values) { call_step(to, count, values, &Functions::step); };
  const auto inverse = [](sqlite3_context* to, int count, sqlite3_value** values) {
    call_step(to, count, values, &Functions::inverse);
  };
  const auto last = [](sqlite3_context* to) { call_result(to, true); };
  const auto present = [](sqlite3_context* to) { call_result(to, false); };
  const int result = ::sqlite3_create_window_function(
      database->connection->db, from_v8(isolate, info[1]).c_str(), static_cast<int>(info[2].As<v8::Number>()->Value()),
      function_flags(info, 4), functions, step, last, window ? +present : nullptr, window ? +inverse : nullptr, forget);
  if (result != SQLITE_OK) throw_last(isolate, *database->connection);
}
// authorizer(db, function or null)
void set_authorizer(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Database* database = open_database(info);
  if (database == nullptr) return;
  Connection* connection = database->connection.get();
  if (!info[1]->IsFunction()) {
    ::sqlite3_set_authorizer(connection->db, nullptr, nullptr);
    connection->authorizer.Reset();
    return;
  }
  connection->authorizer.Reset(isolate, info[1].As<v8::Function>());
  ::sqlite3_set_authorizer(
      connection->db,
      [](void* user, int action, const char* a, const char* b, const char* c, const char* d) -> int {
        auto& at = *static_cast<Connection*>(user);
        v8::HandleScope scope(at.isolate);
        v8::Local<v8::Context> context = at.isolate->GetCurrentContext();
        const auto text = [&](const char* value) -> v8::Local<v8::Value> {
          return value != nullptr ? to_v8(at.isolate, value).As<v8::Value>() : v8::Null(at.isolate).As<v8::Value>();
        };
        v8::Local<v8::Value> arguments[] = {v8::Integer::New(at.isolate, action), text(a), text(b), text(c), text(d)};
        v8::Local<v8::Value> result;
        if (!at.authorizer.Get(at.isolate)->Call(context, v8::Undefined(at.isolate), 5, arguments).ToLocal(&result)) {
          at.thrown = true;
          return SQLITE_DENY;
        }
        const int number = result->IsInt32() ? result.As<v8::Int32>()->Value() : -1;
        if (number == SQLITE_OK || number == SQLITE_DENY || number == SQLITE_IGNORE) return number;
        throw_code(at.isolate, v8::Exception::TypeError, result->IsNumber() ? "ERR_OUT_OF_RANGE" : "ERR_INVALID_ARG_TYPE",
                   result->IsNumber() ? "Authorizer callback returned a invalid authorization code"
                                      : "Authorizer callback must return an integer authorization code");
        at.thrown = true;
        return SQLITE_DENY;
      },
      connection);
}

// ---- sessions

// session(db, database's name, table or undefined): a handle
void make_session(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Database* database = open_database(info);
  if (database == nullptr) return;
  auto made = std::make_unique<Session>();
  made->connection = database->connection;
  const std::string table = info[2]->IsString() ? from_v8(isolate, info[2]) : "";
  if (::sqlite3session_create(database->connection->db, from_v8(isolate, info[1]).c_str(), &made->session) != SQLITE_OK ||
      ::sqlite3session_attach(made->session, table.empty() ? nullptr : table.c_str()) != SQLITE_OK)
    return throw_last(isolate, *database->connection);
  database->connection->sessions.push_back(made->session);
  info.GetReturnValue().Set(sqlite_of(info).objects.wrap(std::move(made), 4096));
}
// changes(session, patchset): bytes; undefined: closed
void changes(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Session* session = NativeObjects::unwrap<Session>(info[0]);
  if (session == nullptr || session->session == nullptr) return;
  int size = 0;
  void* bytes = nullptr;
  const int result = info[1]->IsTrue() ? ::sqlite3session_patchset(session->session, &size, &bytes)
                                       : ::sqlite3session_changeset(session->session, &size, &bytes);
  if (result != SQLITE_OK) return throw_last(isolate, *session->connection);
  info.GetReturnValue().Set(new_bytes(isolate, {static_cast<uint8_t*>(bytes), static_cast<size_t>(size)}));
  ::sqlite3_free(bytes);
}
void close_session(const Info& info) {
  if (Session* session = NativeObjects::unwrap<Session>(info[0])) session->close();
}
// apply(db, changeset, filter or undefined, conflict or undefined): true; false: given up
void apply(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Database* database = open_database(info);
  if (database == nullptr) return;
  struct Callbacks {
    v8::Isolate* isolate;
    v8::Local<v8::Value> filter, conflict;
    bool thrown = false;
  } callbacks{isolate, info[2], info[3]};
  InputBytes input(isolate, info[1]);
  std::vector<uint8_t> bytes = input.copy();
  const int result = ::sqlite3changeset_apply(
      database->connection->db, static_cast<int>(bytes.size()), bytes.data(),
      [](void* user, const char* table) -> int {
        auto& at = *static_cast<Callbacks*>(user);
        if (!at.filter->IsFunction() || at.thrown) return at.thrown ? 0 : 1;
        v8::Local<v8::Value> name = to_v8(at.isolate, table), value;
        if (!at.filter.As<v8::Function>()->Call(at.isolate->GetCurrentContext(), v8::Null(at.isolate), 1, &name).ToLocal(&value)) {
          at.thrown = true;
          return 0;
        }
        return value->BooleanValue(at.isolate) ? 1 : 0;
      },
      [](void* user, int kind, sqlite3_changeset_iter*) -> int {
        auto& at = *static_cast<Callbacks*>(user);
        constexpr int kAbort = 2;
        if (!at.conflict->IsFunction() || at.thrown) return kAbort;
        v8::Local<v8::Value> number = v8::Integer::New(at.isolate, kind), value;
        if (!at.conflict.As<v8::Function>()->Call(at.isolate->GetCurrentContext(), v8::Null(at.isolate), 1, &number).ToLocal(&value)) {
          at.thrown = true;
          return kAbort;
        }
        return value->IsInt32() ? value.As<v8::Int32>()->Value() : -1;
      },
      &callbacks);
  if (callbacks.thrown) return;
  if (result == SQLITE_OK) info.GetReturnValue().Set(true);
  else if (result == SQLITE_ABORT) info.GetReturnValue().Set(false);
  else throw_sqlite(isolate, result, ::sqlite3_errstr(result));
}

// ---- copies of a whole database

struct Backup {
  ConnectionRef source;
  sqlite3* target = nullptr;
  sqlite3_backup* backup = nullptr;
  ~Backup() {
    if (backup != nullptr) ::sqlite3_backup_finish(backup);
    ::sqlite3_close_v2(target);
  }
};
// backupStart(db, path, source's name, target's name): a handle
void backup_start(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Database* database = open_database(info);
  if (database == nullptr) return;
  auto made = std::make_unique<Backup>();
  made->source = database->connection;
  const int opened = ::sqlite3_open_v2(from_v8(isolate, info[1]).c_str(), &made->target,
                                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI, nullptr);
  if (opened != SQLITE_OK) return throw_sqlite(isolate, ::sqlite3_extended_errcode(made->target), ::sqlite3_errmsg(made->target));
  made->backup = ::sqlite3_backup_init(made->target, from_v8(isolate, info[3]).c_str(), database->connection->db,
                                       from_v8(isolate, info[2]).c_str());
  if (made->backup == nullptr) return throw_sqlite(isolate, ::sqlite3_extended_errcode(made->target), ::sqlite3_errmsg(made->target));
  info.GetReturnValue().Set(sqlite_of(info).objects.wrap(std::move(made), 64 << 10));
}
// backupStep(handle, pages): [done, pages left, pages in all]
void backup_step(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Backup* backup = NativeObjects::unwrap<Backup>(info[0]);
  if (backup == nullptr || backup->backup == nullptr) return;
  const int result = backup->source->db == nullptr ? SQLITE_MISUSE
                                                   : ::sqlite3_backup_step(backup->backup, static_cast<int>(info[1].As<v8::Number>()->Value()));
  const int left = ::sqlite3_backup_remaining(backup->backup), whole = ::sqlite3_backup_pagecount(backup->backup);
  const bool goes_on = result == SQLITE_OK || result == SQLITE_BUSY || result == SQLITE_LOCKED;
  if (!goes_on) {
    ::sqlite3_backup_finish(backup->backup);
    backup->backup = nullptr;
    if (result != SQLITE_DONE) return throw_sqlite(isolate, result, ::sqlite3_errstr(result));
    ::sqlite3_close_v2(backup->target);
    backup->target = nullptr;
  }
  v8::Local<v8::Value> parts[] = {v8::Boolean::New(isolate, !goes_on), v8::Integer::New(isolate, left), v8::Integer::New(isolate, whole)};
  info.GetReturnValue().Set(v8::Array::New(isolate, parts, 3));
}

}  // namespace

void install_sqlite(v8::Local<v8::Context> context, v8::Local<v8::Object> target, IsolateHost& host) {
  v8::Local<v8::External> data = v8::External::New(context->GetIsolate(), host.own(std::make_unique<Sqlite>(host)));
  const struct {
    const char* name;
    v8::FunctionCallback function;
  } kFunctions[] = {{"open", open},
                    {"close", close},
                    {"exec", exec},
                    {"inTransaction", in_transaction},
                    {"location", location},
                    {"config", config},
                    {"limit", limit},
                    {"loadExtension", load_extension},
                    {"prepare", prepare},
                    {"all", all},
                    {"get", get},
                    {"run", run},
                    {"begin", begin},
                    {"next", next},
                    {"rewind", rewind},
                    {"columns", columns},
                    {"sourceSql", source_sql},
                    {"expandedSql", expanded_sql},
                    {"alive", alive},
                    {"addFunction", add_function},
                    {"addAggregate", add_aggregate},
                    {"setAuthorizer", set_authorizer},
                    {"session", make_session},
                    {"changes", changes},
                    {"closeSession", close_session},
                    {"apply", apply},
                    {"backupStart", backup_start},
                    {"backupStep", backup_step}};
  for (const auto& each : kFunctions) runtime::set_function(context, target, each.name, each.function, data);
}

}  // namespace sluice::jsapi
