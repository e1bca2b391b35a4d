// SPDX-License-Identifier: Apache-2.0
'use strict';
const assert = require('node:assert');
const mysql = require('mysql2/promise');
const { runOnRequest } = require('./announce.cjs');

runOnRequest({
  async connection() {
    const connection = await mysql.createConnection(process.env.MYSQL);
    assert.deepStrictEqual((await connection.query('SELECT 41 + 1 AS sum, ? AS text', ['grüße']))[0], [{ sum: 42, text: 'grüße' }]);
    assert.deepStrictEqual((await connection.execute('SELECT CAST(? AS SIGNED) + 1 AS n', [1]))[0].length, 1);
    await assert.rejects(connection.query('SELECT nothing'), { code: 'ER_BAD_FIELD_ERROR' });
    await connection.end();
  },
  async pool() {
    const pool = mysql.createPool(`${process.env.MYSQL}?connectionLimit=4`);
    const sums = await Promise.all(Array.from({ length: 50 }, async (unused, i) => Number((await pool.query('SELECT ? * 2 AS n', [i]))[0][0].n)));
    assert.deepStrictEqual(sums, Array.from({ length: 50 }, (unused, i) => i * 2));
    await pool.end();
  },
});
