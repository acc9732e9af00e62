#include "frames.h"

#include <stdlib.h>

#include "board.h"
#include "cobs.h"
#include "reset.h"
#include "serial.h"
#include "settings.h"

#define SAMPLE 0x01
#define HELLO 0x02
#define REPLY 0x03
#define OVERRUN 0x01
#define LONGEST 48  /* more than the longest frame: HELLO with two channels has 24 bytes, a SELF_TEST's REPLY 19 */
#define LONGEST_ROW 24
#define READING_SHIFT 6

static uint8_t content[LONGEST], length;
static uint16_t seq;

static void add8(uint8_t value) {
    if (length < LONGEST) {
        content[length++] = value;
    }
}

static void add16(uint16_t value) {
    add8((uint8_t)value);
    add8((uint8_t)(value >> 8));
}

static void add32(uint32_t value) {
    add16((uint16_t)value);
    add16((uint16_t)(value >> 16));
}

static void begin(uint8_t type) {
    length = 0;
    add8(type);
    add16(seq++);
}

/* Among lines a frame stands between a zero and a newline, so that readers of either find their way back. */
static bool send(void) {
    uint8_t coded[LONGEST + 4], start = 0;
    add16(crc16(content, length));
    if (settings.mode == MODE_LINES) {
        coded[start++] = 0;
    }
    uint8_t end = start + cobs_encode(content, length, coded + start);
    coded[end++] = 0;
    if (settings.mode == MODE_LINES) {
        coded[end++] = '\n';
    }
    return serial_write(coded, end);
}

bool frames_say_sample(const struct sample *sample) {
    begin(SAMPLE);
    add32(sample->low_us);
    add16(sample->high_us);
    add8(sample->overrun ? OVERRUN : 0);
    add8(CHANNELS);
    for (uint8_t i = 0; i < CHANNELS; i++) {
        add16(sample->values[i]);
    }
    return send();
}

bool frames_say_hello(void) {
    static const uint8_t kinds[CHANNELS] = CHANNEL_KINDS;
    begin(HELLO);
    add8(PROTOCOL);
    add8(FIRMWARE_MAJOR);
    add8(FIRMWARE_MINOR);
    add8(FIRMWARE_PATCH);
    add32(settings.board);
    add16(settings.boots);
    add8(reset_cause);
    add16(sampling_rate_hz());
    add8(sampling_oversample());
    add16(settings.gsr_open);
    add8(CHANNELS);
    for (uint8_t i = 0; i < CHANNELS; i++) {
        add8(kinds[i]);
    }
    return send();
}

bool frames_say_reply(uint16_t command_seq, uint8_t command, enum status status, const uint16_t *values, uint8_t count) {
    begin(REPLY);
    add16(command_seq);
    add8(command);
    add8((uint8_t)status);
    while (count--) {
        add16(*values++);
    }
    return send();
}

void frames_open(void) {
    static const uint8_t zero = 0;
    serial_write(&zero, 1);
}

static uint8_t append(char *row, uint8_t at, uint32_t number, char after) {
    ultoa(number, row + at, 10);
    while (row[at]) {
        at++;
    }
    row[at++] = after;
    return at;
}

bool frames_say_line(const struct sample *sample) {
    char row[LONGEST_ROW + 1];
    const uint64_t us = (uint64_t)sample->high_us << 32 | sample->low_us;
    uint8_t end = append(row, 0, (uint32_t)(us / 1000), ',');
    end = append(row, end, sample->values[GSR_CHANNEL] >> READING_SHIFT, ',');
    end = append(row, end, sample->values[PULSE_CHANNEL] >> READING_SHIFT, '\r');
    row[end++] = '\n';
    return serial_write((const uint8_t *)row, end);
}
