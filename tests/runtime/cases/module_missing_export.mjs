// SPDX-License-Identifier: Apache-2.0
// exit: 1
import { nope } from '../modules/c1.mjs';
