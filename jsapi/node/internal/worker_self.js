// SPDX-License-Identifier: Apache-2.0
// What a thread knows of itself, for node:worker_threads; internal/node/worker_start fills it in a worker. And messages from
// thread to thread by number (postMessageToThread).
'use strict';

const { codes } = require('internal/errors');
const { process } = require('internal/process');
const native = internalBinding('messaging');
const { transferOf } = require('internal/node/messaging');

const environment = new Map();
let inbox = null;

Object.assign(exports, {
  isMainThread: true, parentPort: null, threadId: 0, threadName: '', workerData: null, resourceLimits: {},
  environment: () => environment,
  getEnvironmentData(key) { return environment.get(key); },
  setEnvironmentData(key, value) {
    if (value === undefined) environment.delete(key);
    else environment.set(key, value);
  },

  // From now on messages to this thread's number arrive.
  listen() {
    if (inbox !== null) return;
    inbox = native.joinBroadcast(`\0thread ${exports.threadId}`);
    inbox.on('message', ({ value, from, answer }) => {
      const channel = native.joinBroadcast(answer);
      let status = 'failed';
      if (process.listenerCount('workerMessage') > 0) {
        try {
          process.emit('workerMessage', value, from);
          status = 'done';
        } catch {
          status = 'errored';
        }
      }
      native.post(channel, status, []);
      channel.close();
    });
    inbox.unref();
  },

  postMessageToThread(threadId, value, transferList, timeout) {
    const { validateInteger, validateNumber } = require('internal/validators');
    return new Promise((resolve, reject) => {
      if (typeof transferList === 'number' && timeout === undefined) {
        timeout = transferList;
        transferList = [];
      }
      if (timeout !== undefined) validateNumber(timeout, 'timeout', 0);
      validateNumber(threadId, 'threadId');
      if (threadId === exports.threadId) throw new codes.ERR_WORKER_MESSAGING_SAME_THREAD();
      const name = `\0answer ${exports.threadId} ${require('internal/web_globals').crypto.randomUUID()}`;
      const answer = native.joinBroadcast(name);
      const outlet = native.joinBroadcast(`\0thread ${threadId}`);
      let timer;
      const end = (Class) => {
        answer.close();
        clearTimeout(timer);
        if (Class === undefined) resolve();
        else reject(new Class());
      };
      answer.on('message', (status) => end({ done: undefined, failed: codes.ERR_WORKER_MESSAGING_FAILED, errored: codes.ERR_WORKER_MESSAGING_ERRORED }[status]));
      if (timeout !== undefined) timer = setTimeout(() => end(codes.ERR_WORKER_MESSAGING_TIMEOUT), timeout);
      let count;
      try {
        count = native.post(outlet, { value, from: exports.threadId, answer: name }, transferOf(transferList));
      } finally {
        outlet.close();
        if (count === undefined) answer.close();
      }
      if (count === 0) end(codes.ERR_WORKER_MESSAGING_FAILED);
    });
  },
});
