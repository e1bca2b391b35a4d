// SPDX-License-Identifier: Apache-2.0
// exit: 1
const error = new TypeError('with properties', { cause: new Error('deeper') });
error.code = 'ECODE';
error.extra = { a: 1 };
throw error;
