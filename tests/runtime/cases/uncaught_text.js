// SPDX-License-Identifier: Apache-2.0
// exit: 1
throw 'just text';
