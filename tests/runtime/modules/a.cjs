// SPDX-License-Identifier: Apache-2.0
exports.named = 1; exports.later = function(){}; module.exports.x = 2; console.log("a.cjs ran", require("./sub").name, require.main === undefined, __filename.slice(-5));
