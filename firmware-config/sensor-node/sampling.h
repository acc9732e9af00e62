/* Timed sampling: a timer begins a burst of readings at each tick, the ADC's interrupts add them up. */
#ifndef SAMPLING_H
#define SAMPLING_H

#include <stdbool.h>
#include <stdint.h>

#include "board.h"

struct sample {
    uint32_t low_us;  /* the middle of the readings, microseconds since boot, 48 bits */
    uint16_t high_us;
    bool overrun;     /* samples are missing before this one */
    uint16_t values[CHANNELS]; /* a 10-bit reading times 64 */
};

/* Samples at `rate_hz` (1 to RATE_MOST_HZ) from now on; time runs on. */
void sampling_begin(uint16_t rate_hz);
uint16_t sampling_rate_hz(void);
uint8_t sampling_oversample(void);

bool sampling_waits(void);

/* The oldest sample that waits; false where none does. */
bool sampling_take(struct sample *sample);

/* Microseconds since boot, modulo 2^32, as of the timer's last tick. */
uint32_t sampling_now_us(void);

/* Counts a sample that was taken and could not be told. The next one will carry the flag. */
void sampling_lost_one(void);

/* Asks for a reading of the supply after the next burst; sampling_supply_mv() is 0 until it is there. */
void sampling_measure_supply(void);
uint16_t sampling_supply_mv(void);

/* How far the GSR's readings of the newest burst lie apart, counts of the ADC. */
uint16_t sampling_spread(void);

/* Samples missed since boot; stays at 65535. */
uint16_t sampling_overruns(void);

#endif
