import type { Request, Response } from 'express';

/** A part of every request's way. It may throw, or answer, after which nothing else follows. */
export type Step = (request: Request, response: Response) => void;
