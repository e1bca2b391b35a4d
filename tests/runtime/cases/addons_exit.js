// SPDX-License-Identifier: Apache-2.0
// exit: 4
// process.exit() in a callback that an addon makes: no other follows; the addon's hooks run.
'use strict';
const path = require('path');
const addon = require(path.join(path.dirname(process.execPath), 'tests/runtime/works.node'));
addon.watchEnd();
process.on('exit', () => console.log('exit'));
addon.fromThread((number) => {
  console.log('call', number);
  process.exit(4);
});
