// SPDX-License-Identifier: Apache-2.0
// exit: 1
Promise.reject({ a: 1 });
