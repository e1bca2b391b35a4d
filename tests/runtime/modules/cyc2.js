const a=require("./cyc1"); exports.partial={...a};
