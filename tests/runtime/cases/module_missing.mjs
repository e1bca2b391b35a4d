// SPDX-License-Identifier: Apache-2.0
// exit: 1
import { readFile } from './not-there.mjs';
