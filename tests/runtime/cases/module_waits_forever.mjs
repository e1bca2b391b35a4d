// SPDX-License-Identifier: Apache-2.0
// exit: 13
await new Promise(() => {});
