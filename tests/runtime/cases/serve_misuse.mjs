// SPDX-License-Identifier: Apache-2.0
// exit: 1
import { serve } from 'sluice:http';

serve({ port: 'many' }, () => {});
