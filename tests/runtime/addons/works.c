// SPDX-License-Identifier: Apache-2.0
// An addon that uses much of Node-API: what tests/runtime/cases/addons.js looks at.
#define NAPI_VERSION 9
#include <node_api.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call)                                                                  \
  do {                                                                            \
    if ((call) != napi_ok) {                                                      \
      const napi_extended_error_info* info;                                       \
      bool pending;                                                               \
      napi_get_last_error_info(env, &info);                                       \
      const char* words = info->error_message ? info->error_message : "no words"; \
      napi_is_exception_pending(env, &pending);                                   \
      if (!pending) napi_throw_error(env, "ADDON", words);                        \
      return NULL;                                                                \
    }                                                                             \
  } while (0)

static int finalized;

// ---- values

static napi_value add(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value values[2], sum;
  double a, b;
  OK(napi_get_cb_info(env, info, &count, values, NULL, NULL));
  OK(napi_get_value_double(env, values[0], &a));
  OK(napi_get_value_double(env, values[1], &b));
  OK(napi_create_double(env, a + b, &sum));
  return sum;
}

static napi_value repeat(napi_env env, napi_callback_info info) {
  size_t count = 1, length;
  napi_value value, result;
  char text[64];
  OK(napi_get_cb_info(env, info, &count, &value, NULL, NULL));
  OK(napi_get_value_string_utf8(env, value, text, 32, &length));
  memmove(text + length, text, length);
  OK(napi_create_string_utf8(env, text, 2 * length, &result));
  return result;
}

static napi_value describe(napi_env env, napi_callback_info info) {
  static const char* const kNames[] = {"undefined", "null",   "boolean",  "number",   "string",
                                       "symbol",    "object", "function", "external", "bigint"};
  size_t count = 1;
  napi_value value, result;
  napi_valuetype type;
  OK(napi_get_cb_info(env, info, &count, &value, NULL, NULL));
  OK(napi_typeof(env, value, &type));
  OK(napi_create_string_utf8(env, kNames[type], NAPI_AUTO_LENGTH, &result));
  return result;
}

static napi_value words(napi_env env, napi_callback_info info) {
  size_t count = 1, n = 4;
  napi_value value, result;
  int sign;
  uint64_t content[4];
  OK(napi_get_cb_info(env, info, &count, &value, NULL, NULL));
  OK(napi_get_value_bigint_words(env, value, &sign, &n, content));
  OK(napi_create_bigint_words(env, !sign, n, content, &result));
  return result;
}

// ---- calling back, errors

static napi_value guarded(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value function, receiver, result, caught;
  bool pending;
  OK(napi_get_cb_info(env, info, &count, &function, NULL, NULL));
  OK(napi_get_undefined(env, &receiver));
  if (napi_call_function(env, receiver, function, 0, NULL, &result) == napi_ok) return result;
  // With an exception pending nothing that runs JavaScript goes.
  if (napi_call_function(env, receiver, function, 0, NULL, &result) != napi_pending_exception) return NULL;
  OK(napi_is_exception_pending(env, &pending));
  OK(napi_get_and_clear_last_exception(env, &caught));
  OK(napi_create_object(env, &result));
  OK(napi_set_named_property(env, result, "caught", caught));
  return result;
}

static napi_value call_through(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value function, receiver, result = NULL;
  OK(napi_get_cb_info(env, info, &count, &function, NULL, NULL));
  OK(napi_get_undefined(env, &receiver));
  napi_call_function(env, receiver, function, 0, NULL, &result);
  return result;
}

static napi_value range_error(napi_env env, napi_callback_info info) {
  napi_throw_range_error(env, "E_RANGE", "too far");
  return NULL;
}

// ---- a class

typedef struct {
  int value;
  napi_ref self;
} Counter;

static void free_counter(napi_env env, void* data, void* hint) {
  (void)hint;
  ++finalized;
  napi_delete_reference(env, ((Counter*)data)->self);
  free(data);
}

static const napi_type_tag kTag = {0x1122334455667788, 0x99aabbccddeeff00};

static napi_value counter_new(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value value, self, target;
  OK(napi_get_cb_info(env, info, &count, &value, &self, NULL));
  OK(napi_get_new_target(env, info, &target));
  if (!target) {
    napi_throw_type_error(env, NULL, "Counter wants new");
    return NULL;
  }
  Counter* counter = malloc(sizeof(*counter));
  counter->value = 0;
  napi_get_value_int32(env, value, &counter->value);
  OK(napi_wrap(env, self, counter, free_counter, NULL, &counter->self));
  OK(napi_type_tag_object(env, self, &kTag));
  return self;
}

static Counter* counter_of(napi_env env, napi_callback_info info) {
  napi_value self;
  Counter* counter = NULL;
  bool ours = false;
  napi_get_cb_info(env, info, NULL, NULL, &self, NULL);
  napi_check_object_type_tag(env, self, &kTag, &ours);
  if (ours) napi_unwrap(env, self, (void**)&counter);
  return counter;
}

static napi_value counter_next(napi_env env, napi_callback_info info) {
  Counter* counter = counter_of(env, info);
  napi_value result;
  OK(napi_create_int32(env, ++counter->value, &result));
  return result;
}

static napi_value counter_get(napi_env env, napi_callback_info info) {
  Counter* counter = counter_of(env, info);
  napi_value result;
  OK(napi_create_int32(env, counter->value, &result));
  return result;
}

static napi_value counter_set(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value value;
  OK(napi_get_cb_info(env, info, &count, &value, NULL, NULL));
  OK(napi_get_value_int32(env, value, &counter_of(env, info)->value));
  return NULL;
}

static napi_value finalizers(napi_env env, napi_callback_info info) {
  napi_value result;
  OK(napi_create_int32(env, finalized, &result));
  return result;
}

// ---- memory

static void free_memory(napi_env env, void* data, void* hint) {
  (void)env, (void)hint;
  ++finalized;
  free(data);
}

static napi_value lent(napi_env env, napi_callback_info info) {
  napi_value result;
  char* data = malloc(16);
  memcpy(data, "memory of addons", 16);
  OK(napi_create_external_buffer(env, 16, data, free_memory, NULL, &result));
  return result;
}

static napi_value copied(napi_env env, napi_callback_info info) {
  size_t count = 1, length;
  napi_value value, result;
  void* data;
  OK(napi_get_cb_info(env, info, &count, &value, NULL, NULL));
  OK(napi_get_buffer_info(env, value, &data, &length));
  OK(napi_create_buffer_copy(env, length, data, NULL, &result));
  return result;
}

static napi_value floats(napi_env env, napi_callback_info info) {
  size_t count = 1, offset = 0;
  napi_value value, memory, result;
  uint32_t at = 0;
  OK(napi_get_cb_info(env, info, &count, &value, NULL, NULL));
  OK(napi_get_value_uint32(env, value, &at));
  offset = at;
  OK(napi_create_arraybuffer(env, 16, NULL, &memory));
  OK(napi_create_typedarray(env, napi_float64_array, 1, memory, offset, &result));
  return result;
}

// ---- work elsewhere

typedef struct {
  napi_async_work work;
  napi_deferred deferred;
  double number;
} Square;

static void square_run(napi_env env, void* data) {
  (void)env;
  ((Square*)data)->number *= ((Square*)data)->number;
}

static void square_done(napi_env env, napi_status status, void* data) {
  Square* square = data;
  napi_value result;
  napi_create_double(env, square->number, &result);
  if (status == napi_ok) {
    napi_resolve_deferred(env, square->deferred, result);
  } else {
    napi_reject_deferred(env, square->deferred, result);
  }
  napi_delete_async_work(env, square->work);
  free(square);
}

static napi_value square(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value value, name, promise;
  Square* order = malloc(sizeof(*order));
  OK(napi_get_cb_info(env, info, &count, &value, NULL, NULL));
  OK(napi_get_value_double(env, value, &order->number));
  OK(napi_create_promise(env, &order->deferred, &promise));
  OK(napi_create_string_utf8(env, "square", NAPI_AUTO_LENGTH, &name));
  OK(napi_create_async_work(env, NULL, name, square_run, square_done, order, &order->work));
  OK(napi_queue_async_work(env, order->work));
  return promise;
}

static napi_threadsafe_function stream;

static void* produce(void* data) {
  (void)data;
  for (intptr_t i = 1; i <= 5; ++i) napi_call_threadsafe_function(stream, (void*)i, napi_tsfn_blocking);
  napi_release_threadsafe_function(stream, napi_tsfn_release);
  return NULL;
}

static void deliver(napi_env env, napi_value function, void* context, void* data) {
  (void)context;
  if (!env) return;
  napi_value number, receiver;
  napi_create_int32(env, (int32_t)(intptr_t)data, &number);
  napi_get_undefined(env, &receiver);
  napi_call_function(env, receiver, function, 1, &number, NULL);
}

static void produced(napi_env env, void* data, void* hint) {
  (void)env, (void)hint;
  pthread_join(*(pthread_t*)data, NULL);
  ++finalized;
  free(data);
}

// Five calls through a queue of two.
static napi_value from_thread(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value function, name;
  OK(napi_get_cb_info(env, info, &count, &function, NULL, NULL));
  OK(napi_create_string_utf8(env, "produce", NAPI_AUTO_LENGTH, &name));
  pthread_t* thread = malloc(sizeof(*thread));
  OK(napi_create_threadsafe_function(env, function, NULL, name, 2, 1, thread, produced, NULL, deliver,
                                     &stream));
  pthread_create(thread, NULL, produce, NULL);
  return NULL;
}

// ---- the end

static void at_end(void* data) {
  printf("hook %s\n", (const char*)data);
  fflush(stdout);
}

static void instance_gone(napi_env env, void* data, void* hint) {
  (void)env, (void)hint;
  printf("data of the instance %s\n", (const char*)data);
  fflush(stdout);
}

static napi_value watch_end(napi_env env, napi_callback_info info) {
  OK(napi_add_env_cleanup_hook(env, at_end, "one"));
  OK(napi_add_env_cleanup_hook(env, at_end, "two"));
  OK(napi_add_env_cleanup_hook(env, at_end, "never"));
  OK(napi_remove_env_cleanup_hook(env, at_end, "never"));
  OK(napi_set_instance_data(env, "goes", instance_gone, NULL));
  return NULL;
}

static napi_value file_name(napi_env env, napi_callback_info info) {
  const char* name;
  napi_value result;
  OK(node_api_get_module_file_name(env, &name));
  OK(napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &result));
  return result;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"add", NULL, add, NULL, NULL, NULL, napi_enumerable, NULL},
      {"repeat", NULL, repeat, NULL, NULL, NULL, napi_enumerable, NULL},
      {"describe", NULL, describe, NULL, NULL, NULL, napi_enumerable, NULL},
      {"words", NULL, words, NULL, NULL, NULL, napi_enumerable, NULL},
      {"guarded", NULL, guarded, NULL, NULL, NULL, napi_enumerable, NULL},
      {"callThrough", NULL, call_through, NULL, NULL, NULL, napi_enumerable, NULL},
      {"rangeError", NULL, range_error, NULL, NULL, NULL, napi_enumerable, NULL},
      {"finalizers", NULL, finalizers, NULL, NULL, NULL, napi_enumerable, NULL},
      {"lent", NULL, lent, NULL, NULL, NULL, napi_enumerable, NULL},
      {"copied", NULL, copied, NULL, NULL, NULL, napi_enumerable, NULL},
      {"floats", NULL, floats, NULL, NULL, NULL, napi_enumerable, NULL},
      {"square", NULL, square, NULL, NULL, NULL, napi_enumerable, NULL},
      {"fromThread", NULL, from_thread, NULL, NULL, NULL, napi_enumerable, NULL},
      {"watchEnd", NULL, watch_end, NULL, NULL, NULL, napi_enumerable, NULL},
      {"fileName", NULL, file_name, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  const napi_property_descriptor members[] = {
      {"next", NULL, counter_next, NULL, NULL, NULL, napi_default_method, NULL},
      {"value", NULL, NULL, counter_get, counter_set, NULL, napi_enumerable, NULL},
  };
  napi_value counter;
  OK(napi_define_properties(env, exports, sizeof(functions) / sizeof(*functions), functions));
  OK(napi_define_class(env, "Counter", NAPI_AUTO_LENGTH, counter_new, NULL, 2, members, &counter));
  OK(napi_set_named_property(env, exports, "Counter", counter));
  return exports;
}
