// SPDX-License-Identifier: Apache-2.0
const a=require("./cyc1"); exports.partial={...a};
