#include "calibration.h"

#define LEAST_SAMPLES 2           /* at slow rates, where each is the mean of 64 readings */
#define READING 64                 /* one count of the ADC on the 16-bit scale */
#define MOST_SPREAD (4 * READING)  /* a hand on the electrodes moves more than that */
#define LOWEST (300U * READING)    /* the maker sets the potentiometer so that open electrodes read 512 */
#define HIGHEST (1000U * READING)

static uint8_t wanted, seen;
static uint16_t lowest, highest;
static uint32_t sum;

void calibration_begin(void) {
    const uint16_t half_a_second = sampling_rate_hz() / 2;
    wanted = (uint8_t)(half_a_second < LEAST_SAMPLES ? LEAST_SAMPLES : half_a_second);
    seen = 0;
    sum = 0;
    lowest = UINT16_MAX;
    highest = 0;
}

bool calibration_running(void) { return wanted != 0; }

bool calibration_see(const struct sample *sample) {
    const uint16_t value = sample->values[GSR_CHANNEL];
    lowest = value < lowest ? value : lowest;
    highest = value > highest ? value : highest;
    sum += value;
    if (++seen < wanted) {
        return false;
    }
    wanted = 0;
    return true;
}

uint16_t calibration_result(void) {
    const uint16_t mean = (uint16_t)((sum + seen / 2) / seen);
    return highest - lowest > MOST_SPREAD || mean < LOWEST || mean > HIGHEST ? 0 : mean;
}
