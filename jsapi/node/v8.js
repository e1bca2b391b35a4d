// SPDX-License-Identifier: Apache-2.0
'use strict';
exports.getHeapStatistics = () => ({ heap_size_limit: 4 << 30 });
