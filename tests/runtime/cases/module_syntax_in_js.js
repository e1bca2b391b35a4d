// SPDX-License-Identifier: Apache-2.0
// A .js file with the syntax of an ES module and no package.json is one.
import { two } from '../modules/c2.mjs';
console.log(two(), typeof import.meta.url);
export const x = await Promise.resolve(1);
