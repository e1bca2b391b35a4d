// SPDX-License-Identifier: Apache-2.0
enum Kind { A }
console.log(Kind.A);
