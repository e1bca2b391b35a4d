// SPDX-License-Identifier: Apache-2.0
'use strict';
const assert = require('node:assert');
const { Client, Pool } = require('pg');
const { runOnRequest } = require('./announce.cjs');

const connectionString = process.env.POSTGRES;
runOnRequest({
  async client() {
    const client = new Client({ connectionString });
    await client.connect();
    const { rows } = await client.query('SELECT $1::text AS text, 41 + 1 AS sum', ['grüße']);
    assert.deepStrictEqual(rows, [{ text: 'grüße', sum: 42 }]);
    await assert.rejects(client.query('SELECT nothing'), { code: '42703' });
    await client.end();
  },
  async pool() {
    const pool = new Pool({ connectionString, max: 4 });
    await pool.query('CREATE TEMP TABLE IF NOT EXISTS t (n int)');
    const sums = await Promise.all(Array.from({ length: 50 }, async (unused, i) => (await pool.query('SELECT $1::int * 2 AS n', [i])).rows[0].n));
    assert.deepStrictEqual(sums, Array.from({ length: 50 }, (unused, i) => i * 2));
    const { rows } = await pool.query("SELECT repeat('x', 300000) AS long");
    assert.strictEqual(rows[0].long.length, 300_000);
    await pool.end();
  },
});
