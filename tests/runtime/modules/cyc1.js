// SPDX-License-Identifier: Apache-2.0
exports.a=1; const b=require("./cyc2"); exports.b=b; exports.done=true
