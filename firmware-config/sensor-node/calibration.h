/* What this very board reads with open electrodes: the constant of the Grove GSR's formula. */
#ifndef CALIBRATION_H
#define CALIBRATION_H

#include <stdbool.h>
#include <stdint.h>

#include "sampling.h"

/* Begins to measure: over half a second, or two samples where that is longer. */
void calibration_begin(void);
bool calibration_running(void);

/* Adds a sample; true where it was the last one needed. */
bool calibration_see(const struct sample *sample);

/* The mean on the 16-bit scale; 0 where it cannot be that of open electrodes: restless, or out of the usual. */
uint16_t calibration_result(void);

#endif
