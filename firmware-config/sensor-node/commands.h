/* What a host may ask of the node. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "sampling.h"

/* Reads what came and does it. Never waits: call it often. */
void commands_turn(void);

/* Lets a calibration that is being measured see one more sample. */
void commands_see(const struct sample *sample);

#endif
