#include "serial.h"

#include <avr/interrupt.h>
#include <avr/io.h>

#include "board.h"

#define DIVISOR ((F_CPU + 4 * BAUD_RATE) / (8 * BAUD_RATE) - 1)
#define RECEIVE_RING 64 /* a power of two */

/* 256 bytes, so that an index wraps by itself. */
static volatile uint8_t outgoing[256], out_head, out_tail;
static volatile uint8_t incoming[RECEIVE_RING], in_head, in_tail;

void serial_begin(void) {
    UCSR0A = _BV(U2X0);
    UBRR0 = DIVISOR;
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UCSR0B = _BV(TXEN0) | _BV(RXEN0) | _BV(RXCIE0);
}

bool serial_write(const uint8_t *bytes, uint8_t length) {
    const uint8_t room = (uint8_t)(out_tail - out_head - 1);
    if (length > room) {
        return false;
    }
    uint8_t head = out_head;
    while (length--) {
        outgoing[head++] = *bytes++;
    }
    out_head = head;
    UCSR0B |= _BV(UDRIE0);
    return true;
}

bool serial_waits(void) { return in_tail != in_head; }

int16_t serial_read(void) {
    if (!serial_waits()) {
        return -1;
    }
    const uint8_t byte = incoming[in_tail];
    in_tail = (in_tail + 1) & (RECEIVE_RING - 1);
    return byte;
}

ISR(USART_UDRE_vect) {
    if (out_tail == out_head) {
        UCSR0B &= (uint8_t)~_BV(UDRIE0);
        return;
    }
    UDR0 = outgoing[out_tail++];
}

/* A byte without room or with a framing error is dropped: the CRC of its frame will tell. */
ISR(USART_RX_vect) {
    const uint8_t damaged = UCSR0A & _BV(FE0);
    const uint8_t byte = UDR0;
    const uint8_t next = (in_head + 1) & (RECEIVE_RING - 1);
    if (!damaged && next != in_tail) {
        incoming[in_head] = byte;
        in_head = next;
    }
}
