// SPDX-License-Identifier: Apache-2.0
// node:net: what needs no socket. Sockets and servers are not here yet.
'use strict';

const { validateBoolean, validateInt32 } = require('internal/validators');

const OCTET = '(?:[0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])';
const V4 = `(?:${OCTET}\\.){3}${OCTET}`;
const GROUP = '(?:[0-9a-fA-F]{1,4})';
const IPV4 = new RegExp(`^${V4}$`);
const IPV6 = new RegExp('^(?:' +
  `(?:${GROUP}:){7}(?:${GROUP}|:)|` +
  `(?:${GROUP}:){6}(?:${V4}|:${GROUP}|:)|` +
  `(?:${GROUP}:){5}(?::${V4}|(?::${GROUP}){1,2}|:)|` +
  `(?:${GROUP}:){4}(?:(?::${GROUP}){0,1}:${V4}|(?::${GROUP}){1,3}|:)|` +
  `(?:${GROUP}:){3}(?:(?::${GROUP}){0,2}:${V4}|(?::${GROUP}){1,4}|:)|` +
  `(?:${GROUP}:){2}(?:(?::${GROUP}){0,3}:${V4}|(?::${GROUP}){1,5}|:)|` +
  `(?:${GROUP}:){1}(?:(?::${GROUP}){0,4}:${V4}|(?::${GROUP}){1,6}|:)|` +
  `(?::(?:(?::${GROUP}){0,5}:${V4}|(?::${GROUP}){1,7}|:))` +
  ')(?:%[0-9a-zA-Z-.:]{1,})?$');

let autoSelectFamily = true;
let autoSelectFamilyAttemptTimeout = 250;

function isIPv4(input) { return IPV4.test(`${input}`); }
function isIPv6(input) { return IPV6.test(`${input}`); }

module.exports = {
  isIP(input) { return isIPv4(input) ? 4 : isIPv6(input) ? 6 : 0; },
  isIPv4, isIPv6,
  getDefaultAutoSelectFamily() { return autoSelectFamily; },
  setDefaultAutoSelectFamily(value) {
    validateBoolean(value, 'value');
    autoSelectFamily = value;
  },
  getDefaultAutoSelectFamilyAttemptTimeout() { return autoSelectFamilyAttemptTimeout; },
  setDefaultAutoSelectFamilyAttemptTimeout(value) {
    validateInt32(value, 'value', 1);
    autoSelectFamilyAttemptTimeout = Math.max(value, 10);
  },
};
