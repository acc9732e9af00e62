#include "sampling.h"

#include <avr/interrupt.h>
#include <util/atomic.h>

#define TICK_US 4                /* timer 1 at F_CPU / 64 */
#define TICKS_HZ (F_CPU / 64)
#define SLOWEST_TIMER_HZ 4       /* a longer period does not fit into 16 bits */
#define READINGS_HZ 9000UL       /* 13 cycles of 125 kHz are 104 us, and the interrupt 4 more */
#define READING_US 108
#define FIRST_READING_US 96      /* how much longer the first takes, after the ADC was off */
#define READINGS_PER_VALUE 64
#define QUEUE 8                  /* a power of two: 80 ms at 100 Hz, for the time an EEPROM takes to write */
#define REFERENCE_AVCC _BV(REFS0)
#define BANDGAP 14
#define BANDGAP_MV 1100UL
#define SUPPLY_READINGS 6        /* the bandgap takes some to settle; only the last counts */

/* The compiler must not move the queue's contents across its indices. */
#define KEEP_ORDER() __asm__ volatile("" ::: "memory")

static struct sample queue[QUEUE];
static volatile uint8_t queue_head, queue_tail;
static volatile uint16_t overruns;
static volatile bool missed;

static uint16_t rate, period_ticks;
static uint8_t oversample, ticks_per_sample, tick;
static volatile uint32_t now_low;
static volatile uint16_t now_high;

static volatile uint8_t left, supply_left;
static volatile bool supply_wanted;
static volatile uint16_t supply_reading;
static uint8_t channel, scale;
static uint16_t sums[CHANNELS], lowest, highest;
static volatile uint16_t spread;
static uint32_t burst_low;
static uint16_t burst_high;

static inline void pass(uint32_t us) {
    now_low += us;
    if (now_low < us) {
        now_high++;
    }
}

static inline void miss(void) {
    missed = true;
    if (overruns != UINT16_MAX) {
        overruns++;
    }
}

/* The ADC is on only while a burst lasts: left on, it would begin readings by itself whenever the MCU falls asleep. */
static inline void adc_off(void) { ADCSRA = 0; }

static inline void read(uint8_t input) {
    ADMUX = REFERENCE_AVCC | input;
    ADCSRA = _BV(ADEN) | _BV(ADSC) | _BV(ADIE) | _BV(ADPS2) | _BV(ADPS1) | _BV(ADPS0);
}

static uint8_t most_readings(uint16_t rate_hz) {
    uint8_t readings = READINGS_PER_VALUE;
    while ((uint32_t)readings * CHANNELS * rate_hz > READINGS_HZ) {
        readings >>= 1;
    }
    return readings;
}

/* With the timer still running: it may begin anew while we look. */
static void account_for_partial_period(void) {
    uint16_t ticks = TCNT1;
    if (TIFR1 & _BV(OCF1A)) {
        ticks = TCNT1;
        pass((uint32_t)period_ticks * TICK_US);
    }
    pass((uint32_t)ticks * TICK_US);
}

void sampling_begin(uint16_t rate_hz) {
    const uint8_t ticks = rate_hz < SLOWEST_TIMER_HZ ? SLOWEST_TIMER_HZ : 1;
    const uint32_t timer_hz = (uint32_t)rate_hz * ticks;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        if (rate) {
            account_for_partial_period();
        }
        TCCR1B = 0;
        rate = rate_hz;
        oversample = most_readings(rate_hz);
        ticks_per_sample = ticks;
        tick = 0;
        period_ticks = (uint16_t)((TICKS_HZ + timer_hz / 2) / timer_hz);
        TCNT1 = 0;
        OCR1A = period_ticks - 1;
        TIFR1 = _BV(OCF1A);
        TIMSK1 = _BV(OCIE1A);
        TCCR1B = _BV(WGM12) | _BV(CS11) | _BV(CS10);
        DIDR0 = (uint8_t)((1 << CHANNELS) - 1);
    }
}

uint16_t sampling_rate_hz(void) { return rate; }

uint8_t sampling_oversample(void) { return oversample; }

bool sampling_waits(void) { return queue_tail != queue_head; }

bool sampling_take(struct sample *sample) {
    if (!sampling_waits()) {
        return false;
    }
    KEEP_ORDER();
    *sample = queue[queue_tail];
    KEEP_ORDER();
    queue_tail = (queue_tail + 1) & (QUEUE - 1);
    return true;
}

uint32_t sampling_now_us(void) {
    uint32_t now;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { now = now_low; }
    return now;
}

void sampling_lost_one(void) {
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { miss(); }
}

void sampling_measure_supply(void) {
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        supply_reading = 0;
        supply_wanted = true;
    }
}

uint16_t sampling_supply_mv(void) {
    uint16_t reading;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { reading = supply_reading; }
    return reading ? (uint16_t)(BANDGAP_MV * 1024 / reading) : 0;
}

uint16_t sampling_spread(void) {
    uint16_t found;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { found = spread; }
    return found;
}

uint16_t sampling_overruns(void) {
    uint16_t found;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { found = overruns; }
    return found;
}

static inline void begin_burst(void) {
    burst_low = now_low;
    burst_high = now_high;
    scale = READINGS_PER_VALUE / oversample;
    left = oversample * CHANNELS;
    channel = 0;
    lowest = UINT16_MAX;
    highest = 0;
    for (uint8_t i = 0; i < CHANNELS; i++) {
        sums[i] = 0;
    }
    read(0);
}

static inline void end_burst(void) {
    const uint8_t next = (queue_head + 1) & (QUEUE - 1);
    spread = highest - lowest;
    if (next == queue_tail) {
        miss();
        return;
    }
    const uint16_t middle_us = READINGS_PER_VALUE / scale * CHANNELS * (READING_US / 2) + FIRST_READING_US / 2;
    struct sample *sample = &queue[queue_head];
    sample->low_us = burst_low + middle_us;
    sample->high_us = burst_high + (sample->low_us < middle_us);
    sample->overrun = missed;
    missed = false;
    for (uint8_t i = 0; i < CHANNELS; i++) {
        sample->values[i] = sums[i] * scale;
    }
    KEEP_ORDER();
    queue_head = next;
}

static inline void read_supply(uint16_t reading) {
    if (--supply_left) {
        read(BANDGAP);
    } else {
        supply_reading = reading;
        adc_off();
    }
}

ISR(TIMER1_COMPA_vect) {
    pass((uint32_t)period_ticks * TICK_US);
    if (++tick < ticks_per_sample) {
        return;
    }
    tick = 0;
    if (left || supply_left) {
        miss();
    } else {
        begin_burst();
    }
}

ISR(ADC_vect) {
    const uint16_t reading = ADC;
    if (supply_left) {
        read_supply(reading);
        return;
    }
    sums[channel] += reading;
    if (channel == GSR_CHANNEL) {
        lowest = reading < lowest ? reading : lowest;
        highest = reading > highest ? reading : highest;
    }
    channel = channel + 1 < CHANNELS ? channel + 1 : 0;
    if (--left) {
        read(channel);
        return;
    }
    end_burst();
    if (supply_wanted) {
        supply_wanted = false;
        supply_left = SUPPLY_READINGS;
        read(BANDGAP);
    } else {
        adc_off();
    }
}
