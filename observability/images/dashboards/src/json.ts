// What a part of the page reads from its server, or why it could not.
import { useQuery, type UseQueryResult } from '@tanstack/react-query';

async function get<T>(address: string, as: 'json' | 'text'): Promise<T> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status} ${(await answer.text()).slice(0, 500)}`);
  return (as === 'json' ? answer.json() : answer.text()) as Promise<T>;
}

export function useJson<T>(address: string, seconds?: number): UseQueryResult<T, Error> {
  return useQuery<T, Error>([address], () => get<T>(address, 'json'), {
    refetchInterval: seconds ? seconds * 1000 : false, keepPreviousData: true, retry: false,
  });
}

export function useText(address: string): UseQueryResult<string, Error> {
  return useQuery<string, Error>([address], () => get<string>(address, 'text'), { retry: false });
}
