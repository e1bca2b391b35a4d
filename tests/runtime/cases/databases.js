// SPDX-License-Identifier: Apache-2.0
// node:sqlite: values both ways, names of parameters, functions that throw, rows of a statement that is used anew, sessions, copies.
'use strict';
const { DatabaseSync, backup, constants } = require('node:sqlite');

const tell = (work) => { try { console.log(work()); } catch (error) { console.log(error.name, error.code, error.message); } };
const db = new DatabaseSync(':memory:');
db.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, v)');
const insert = db.prepare('INSERT INTO t(v) VALUES(?)');
for (const value of [1, 1.5, 'text', null, new Uint8Array([1, 2]), 2n ** 62n]) insert.run(value);
tell(() => db.prepare('SELECT v FROM t WHERE id < 6').all().map((row) => row.v).join('|'));
tell(() => db.prepare('SELECT v FROM t WHERE id = 6').get());
const big = db.prepare('SELECT v FROM t WHERE id = $id', { readBigInts: true });
tell(() => big.get({ id: 6 }).v);
tell(() => big.get({ $id: 6 }).v === big.get({ id: 6n }).v);
tell(() => big.get({ other: 6 }));
tell(() => insert.run(2n ** 64n));
tell(() => insert.run({}, Symbol('x')));
tell(() => db.prepare('SELECT $a, @a').get({ a: 1 }));
tell(() => db.exec('SELECT'));

db.function('fails', (x) => { throw new RangeError(`not ${x}`); });
tell(() => db.prepare('SELECT fails(?)').get(7));
tell(() => db.prepare('SELECT 1 AS one').get().one);
db.aggregate('joined', { start: () => [], step: (list, value) => [...list, value], inverse: (list) => list.slice(1), result: (list) => list.join('+') });
tell(() => db.prepare('SELECT joined(id) OVER (ORDER BY id ROWS 1 PRECEDING) AS j FROM t WHERE id < 5').all().map((row) => row.j).join());

const rows = db.prepare('SELECT id FROM t');
const iterator = rows.iterate();
tell(() => iterator.next().value.id);
rows.all();
tell(() => iterator.next());

const session = db.createSession({ table: 't' });
db.exec("UPDATE t SET v = 'new' WHERE id = 1; DELETE FROM t WHERE id = 2");
const changes = session.changeset();
const other = new DatabaseSync(':memory:');
other.exec("CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1, 'old'), (2, 1.5)");
tell(() => other.applyChangeset(changes));
tell(() => other.applyChangeset(changes, { onConflict: (kind) => kind === constants.SQLITE_CHANGESET_DATA ? constants.SQLITE_CHANGESET_REPLACE : constants.SQLITE_CHANGESET_OMIT }));
tell(() => JSON.stringify(other.prepare('SELECT * FROM t').all()));

backup(db, 'file:copy?mode=memory&cache=shared').then((pages) => {
  console.log(pages > 0);
  db.close();
  tell(() => insert.run(1));
  tell(() => db.exec(''));
});
