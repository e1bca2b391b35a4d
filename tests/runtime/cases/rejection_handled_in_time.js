// SPDX-License-Identifier: Apache-2.0
// Whoever takes the rejection within the turn is in time; later there are two events for it.
const early = Promise.reject(new Error('early'));
process.nextTick(() => early.catch((error) => console.log('in time', error.message)));
process.on('unhandledRejection', (reason) => console.log('unhandled', reason));
process.on('rejectionHandled', (promise) => console.log('handled late', promise === late));
const late = Promise.reject('late');
setTimeout(() => late.catch(() => console.log('caught late')), 1);
