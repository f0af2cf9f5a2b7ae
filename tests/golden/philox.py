"""Philox 4x32-10 and the stream of support/philox.h, written from the paper (Salmon et al. 2011), for goldens that draw."""


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


class Stream:
    def __init__(self, seed, purpose, epoch, index):
        self.key = (seed & 0xFFFFFFFF, seed >> 32)
        self.counter = [0, index & 0xFFFFFFFF, purpose << 24 | epoch, index >> 32]
        self.block = []

    def next(self):
        if not self.block:
            self.block = philox(self.counter, self.key)
            self.counter[0] += 1
        return self.block.pop(0)

    def uniform(self):
        return (self.next() >> 8) / 2**24

    def below(self, bound):
        while True:
            product = self.next() * bound
            if product & 0xFFFFFFFF >= 2**32 % bound:
                return product >> 32
