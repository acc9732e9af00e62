#include "body.h"

#include <stdio.h>
#include <stdlib.h>

#include <simavr/avr_adc.h>

#define MOST_ROWS 100000
#define MOST_BURSTS 10000
#define SILENCE 16000 /* cycles */

static avr_irq_t *pins[PINS];
static int rows[MOST_ROWS][PINS], held[PINS] = {-1, -1};
static unsigned row_count, next_row;

static avr_t *chip;
static uint64_t bursts[MOST_BURSTS], last_reading;
static unsigned burst_count;

static int on_pin[PINS];
static unsigned noise_mv;

static void put(unsigned pin, int millivolts) {
    avr_raise_irq(pins[pin], (uint32_t)(millivolts < 0 ? 0 : millivolts));
}

static void make_noise(void) {
    for (unsigned pin = 0; pin < PINS && noise_mv; pin++) {
        put(pin, on_pin[pin] + rand() % (2 * (int)noise_mv + 1) - (int)noise_mv);
    }
}

static void reading_began(struct avr_irq_t *irq, uint32_t value, void *param) {
    (void)irq;
    (void)value;
    (void)param;
    make_noise();
    if (chip->cycle - last_reading > SILENCE && burst_count < MOST_BURSTS) {
        bursts[burst_count++] = chip->cycle;
    }
    last_reading = chip->cycle;
}

void body_open(avr_t *avr, const char *waveform) {
    FILE *file = fopen(waveform, "r");
    double first, second;
    while (file && row_count < MOST_ROWS && fscanf(file, "%lf,%lf", &first, &second) == PINS) {
        rows[row_count][0] = (int)(first + 0.5);
        rows[row_count++][1] = (int)(second + 0.5);
    }
    if (!row_count) {
        fprintf(stderr, "no waveform in %s\n", waveform);
        exit(1);
    }
    fclose(file);
    chip = avr;
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_OUT_TRIGGER), reading_began, NULL);
    for (unsigned pin = 0; pin < PINS; pin++) {
        pins[pin] = avr_io_getirq(avr, AVR_IOCTL_ADC_GETIRQ, (int)(ADC_IRQ_ADC0 + pin));
    }
}

void body_turn(void) {
    for (unsigned pin = 0; pin < PINS; pin++) {
        on_pin[pin] = held[pin] < 0 ? rows[next_row][pin] : held[pin];
        put(pin, on_pin[pin]);
    }
    next_row = (next_row + 1) % row_count;
}

void body_hold(unsigned pin, int millivolts) { held[pin] = millivolts; }

void body_noise(unsigned seed, unsigned millivolts) {
    srand(seed);
    noise_mv = millivolts;
}

unsigned body_take_bursts(uint64_t *cycles, unsigned most) {
    const unsigned count = burst_count;
    for (unsigned i = 0; i < count && i < most; i++) {
        cycles[i] = bursts[i];
    }
    burst_count = 0;
    return count;
}
