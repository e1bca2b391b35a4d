// SPDX-License-Identifier: Apache-2.0
// Where a program of the bench listens: the port is its first argument, on every address. Tells the bench of it.
'use strict';

exports.port = Number(process.argv[2] || 0);
exports.upstream = process.argv[3];
exports.announce = (server) => console.log(`listening on http://0.0.0.0:${server.address().port}`);
exports.listen = (server) => server.listen(exports.port, () => exports.announce(server));
