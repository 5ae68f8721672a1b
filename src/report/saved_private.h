/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PHASIC_REPORT_SAVED_PRIVATE_H
#define PHASIC_REPORT_SAVED_PRIVATE_H

#include "phasic/report/saved.h"

/* PREFIX.csv into the object, once PREFIX.json stands there. Errors as ph_saved_read.
 */
int ph_saved_read_draws(ph_saved *self, ph_error *error);

#endif
