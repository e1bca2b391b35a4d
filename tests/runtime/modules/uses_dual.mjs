// SPDX-License-Identifier: Apache-2.0
import dual from 'dual';
import plain from 'plain';
import sub from 'dual/sub';
export default [dual, plain, sub];
