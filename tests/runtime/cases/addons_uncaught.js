// SPDX-License-Identifier: Apache-2.0
// What an addon's callback throws outside of JavaScript is an uncaught error; the other calls follow.
'use strict';
const path = require('path');
const addon = require(path.join(path.dirname(process.execPath), 'tests/runtime/works.node'));
process.on('uncaughtException', (error, origin) => console.log(error.message, origin));
addon.fromThread((number) => { throw new Error(`thrown by ${number}`); });
