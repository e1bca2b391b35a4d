// SPDX-License-Identifier: Apache-2.0
import {one} from "./c1.mjs"; export function two(){ return one + 1 }
