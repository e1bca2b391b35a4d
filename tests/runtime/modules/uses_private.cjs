require('dual/private');
