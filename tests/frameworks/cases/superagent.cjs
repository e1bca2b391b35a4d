// SPDX-License-Identifier: Apache-2.0
'use strict';
const assert = require('node:assert');
const superagent = require('superagent');
const { runOnRequest } = require('./announce.cjs');

const base = process.env.UPSTREAM;
runOnRequest({
  async get() { assert.strictEqual((await superagent.get(`${base}/hello`)).text, 'hello'); },
  async json() { assert.deepStrictEqual((await superagent.post(`${base}/echo`).send({ a: 1 })).body, { a: 1 }); },
  async gzip() { assert.strictEqual((await superagent.get(`${base}/gzip`)).text.length, 100_000); },
  async redirect() { assert.strictEqual((await superagent.get(`${base}/redirect`)).redirects.length, 1); },
  async failure() { await assert.rejects(superagent.get(`${base}/status/500`), { status: 500 }); },
  async upload() {
    const { body } = await superagent.post(`${base}/multipart`).field('note', 'n').attach('file', Buffer.from('content'), 'file.txt');
    assert.deepStrictEqual(body, { parts: 2 });
  },
});
