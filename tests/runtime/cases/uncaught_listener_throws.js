// SPDX-License-Identifier: Apache-2.0
// exit: 7
process.on('uncaughtException', () => { throw new Error('worse'); });
throw new Error('first');
