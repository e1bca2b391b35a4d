// SPDX-License-Identifier: Apache-2.0
'use strict';
const assert = require('node:assert');
const http = require('node:http');
const axios = require('axios');
const { runOnRequest } = require('./announce.cjs');

const base = process.env.UPSTREAM;
runOnRequest({
  async get() {
    const { data, status, headers } = await axios.get(`${base}/hello`);
    assert.deepStrictEqual([data, status, headers['x-upstream']], ['hello', 200, 'yes']);
  },
  async json() {
    const { data } = await axios.post(`${base}/echo`, { a: [1, 2, { b: 'ä' }] });
    assert.deepStrictEqual(data, { a: [1, 2, { b: 'ä' }] });
  },
  async gzip() { assert.strictEqual((await axios.get(`${base}/gzip`)).data.length, 100_000); },
  async redirect() { assert.strictEqual((await axios.get(`${base}/redirect`)).data, 'hello'); },
  async failure() { await assert.rejects(axios.get(`${base}/status/503`), (error) => error.response.status === 503); },
  async keepAlive() {
    const httpAgent = new http.Agent({ keepAlive: true });
    for (let i = 0; i < 20; i++) assert.strictEqual((await axios.get(`${base}/hello`, { httpAgent })).data, 'hello');
    httpAgent.destroy();
  },
  async stream() {
    const { data } = await axios.get(`${base}/large`, { responseType: 'stream' });
    let bytes = 0;
    for await (const chunk of data) bytes += chunk.length;
    assert.strictEqual(bytes, 2_000_000);
  },
  async timeout() { await assert.rejects(axios.get(`${base}/never`, { timeout: 100 }), { code: 'ECONNABORTED' }); },
  async cancelled() {
    const controller = new AbortController();
    const asked = axios.get(`${base}/never`, { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await assert.rejects(asked, { code: 'ERR_CANCELED' });
  },
  async refused() { await assert.rejects(axios.get('http://127.0.0.1:9/'), { code: 'ECONNREFUSED' }); },
});
