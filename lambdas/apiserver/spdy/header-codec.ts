/**
 * Header blocks of SPDY/3.1: name and value pairs, deflated with a dictionary that both sides know. All blocks of one
 * direction are one compressed stream, so they are read and written strictly in turn.
 */
import { constants, createDeflate, createInflate } from 'node:zlib';

/** Lower-case names. */
export type SpdyHeaders = Readonly<Record<string, string>>;

const words =
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status 200=OK version HTTP/1.1 url public set-cookie keep-alive origin';
const rest =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';

/** From the SPDY/3 specification. */
const dictionary = Buffer.concat([
  ...words.split(' ').map((word) => lengthPrefixed(word.replace('=', ' '))),
  Buffer.from(rest),
]);

function lengthPrefixed(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.byteLength);
  return Buffer.concat([length, bytes]);
}

/** A block that says it is larger than this is an attack. */
const maxBlockBytes = 256 * 1024;

export interface HeaderCodec {
  /** Calls must not overlap; in the order of the frames. Rejects for what is no header block. */
  decode(block: Uint8Array): Promise<SpdyHeaders>;
  encode(headers: SpdyHeaders): Promise<Buffer>;
  close(): void;
}

export function createHeaderCodec(): HeaderCodec {
  const inflate = createInflate({ dictionary, flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH });
  const deflate = createDeflate({ dictionary });
  return {
    async decode(block) {
      return parseBlock(await pass(inflate, block));
    },
    encode(headers) {
      const entries = Object.entries(headers);
      const count = Buffer.alloc(4);
      count.writeUInt32BE(entries.length);
      const bytes = Buffer.concat([
        count,
        ...entries.flatMap(([name, value]) => [lengthPrefixed(name), lengthPrefixed(value)]),
      ]);
      return pass(deflate, bytes);
    },
    close() {
      inflate.close();
      deflate.close();
    },
  };
}

/** What comes out of a zlib stream for one piece of input, all of it. */
function pass(
  stream: ReturnType<typeof createInflate> | ReturnType<typeof createDeflate>,
  input: Uint8Array,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let size = 0;
    const onData = (piece: Buffer): void => {
      size += piece.byteLength;
      if (size > maxBlockBytes) stream.destroy(new Error('header block too large'));
      else pieces.push(piece);
    };
    const done = (): void => {
      stream.off('data', onData);
      stream.off('error', failed);
    };
    const failed = (error: Error): void => {
      done();
      reject(error);
    };
    stream.on('data', onData);
    stream.on('error', failed);
    stream.write(input);
    stream.flush(constants.Z_SYNC_FLUSH, () => {
      done();
      resolve(Buffer.concat(pieces, size));
    });
  });
}

function parseBlock(block: Buffer): SpdyHeaders {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  let at = 4;
  const read = (): string => {
    if (at + 4 > block.length) throw new Error('truncated header block');
    const length = block.readUInt32BE(at);
    at += 4;
    if (at + length > block.length) throw new Error('truncated header block');
    at += length;
    return block.toString('latin1', at - length, at);
  };
  if (block.length < 4) throw new Error('truncated header block');
  const count = block.readUInt32BE(0);
  for (let i = 0; i < count; i++) {
    const name = read().toLowerCase();
    headers[name] = read();
  }
  return headers;
}
