// SPDX-License-Identifier: Apache-2.0
import {two} from "./c2.mjs"; export function value(){ return two() } export const one = 1;
