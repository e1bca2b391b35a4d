// SPDX-License-Identifier: Apache-2.0
// What the examples use of `process`; everybody else has it from @types/node.
declare const process: {
  readonly argv: string[];
  readonly env: { [name: string]: string | undefined };
};
