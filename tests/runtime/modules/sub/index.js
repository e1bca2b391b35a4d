exports.name = "sub index";
