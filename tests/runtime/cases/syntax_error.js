// SPDX-License-Identifier: Apache-2.0
// exit: 1
let fine = 1;
let broken = ;
