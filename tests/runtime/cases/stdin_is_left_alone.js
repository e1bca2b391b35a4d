// SPDX-License-Identifier: Apache-2.0
// stdin: data
console.log('ok');
