// SPDX-License-Identifier: Apache-2.0
'use strict';
const assert = require('node:assert');
const Redis = require('ioredis').default || require('ioredis');
const { runOnRequest } = require('./announce.cjs');

runOnRequest({
  async commands() {
    const redis = new Redis(process.env.REDIS);
    await redis.set('key', 'grüße');
    assert.strictEqual(await redis.get('key'), 'grüße');
    assert.deepStrictEqual(await redis.pipeline().incr('n').incr('n').exec(), [[null, 1], [null, 2]]);
    await redis.set('large', 'x'.repeat(1_000_000));
    assert.strictEqual((await redis.getBuffer('large')).length, 1_000_000);
    await redis.flushall();
    await redis.quit();
  },
  async subscription() {
    const [subscriber, publisher] = [new Redis(process.env.REDIS), new Redis(process.env.REDIS)];
    const heard = new Promise((resolve) => subscriber.on('message', (channel, message) => resolve([channel, message])));
    await subscriber.subscribe('news');
    await publisher.publish('news', 'hello');
    assert.deepStrictEqual(await heard, ['news', 'hello']);
    await Promise.all([subscriber.quit(), publisher.quit()]);
  },
});
