// SPDX-License-Identifier: Apache-2.0
// Loaded only: Debian has no MongoDB server. What a client says when there is none is part of it.
'use strict';
const assert = require('node:assert');
const { BSON, MongoClient, ObjectId } = require('mongodb');
const { runOnRequest } = require('./announce.cjs');

runOnRequest({
  async bson() {
    const id = new ObjectId();
    assert.deepStrictEqual(BSON.deserialize(BSON.serialize({ id, n: 1, list: ['a'] })), { id, n: 1, list: ['a'] });
  },
  async absent() {
    const client = new MongoClient('mongodb://127.0.0.1:9/', { serverSelectionTimeoutMS: 200 });
    await assert.rejects(client.connect(), { name: 'MongoServerSelectionError' });
    await client.close();
  },
});
