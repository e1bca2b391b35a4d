// SPDX-License-Identifier: Apache-2.0
// node:worker_threads: what tells a program that it runs in the main thread. Workers are not here yet.
'use strict';

const environment = new Map();

module.exports = {
  isMainThread: true, isInternalThread: false, parentPort: null, threadId: 0, threadName: '', workerData: null, resourceLimits: {},
  SHARE_ENV: Symbol.for('nodejs.worker_threads.SHARE_ENV'),
  getEnvironmentData(key) { return environment.get(key); },
  setEnvironmentData(key, value) {
    if (value === undefined) environment.delete(key);
    else environment.set(key, value);
  },
};
