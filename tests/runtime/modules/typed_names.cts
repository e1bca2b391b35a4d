// SPDX-License-Identifier: Apache-2.0
exports.add = (a: number, b: number): number => a + b;
