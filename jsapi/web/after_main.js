// SPDX-License-Identifier: Apache-2.0
// What happens when the main module is evaluated: a default export with fetch() is a worker, and is served.
'use strict';

const DEFAULT_PORT = 8080;

exports.run = function run(namespace) {
  const worker = namespace === null || namespace === undefined ? undefined : namespace.default;
  if (worker === null || (typeof worker !== 'object' && typeof worker !== 'function') || typeof worker.fetch !== 'function') return;
  const { serve } = require('internal/sluice/http_server');
  const given = process.env.PORT;
  const port = given !== undefined && given !== '' ? Number(given) : worker.port !== undefined ? Number(worker.port) : DEFAULT_PORT;
  const hostname = process.env.HOST || worker.hostname || '';
  serve({ port, hostname, ...(worker.limits || {}) }, typeof worker === 'function' ? { fetch: worker.fetch.bind(worker) } : worker);
};
