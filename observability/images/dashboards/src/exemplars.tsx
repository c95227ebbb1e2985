// What took longest of what a dashboard's graphs show, each with the way to its trace: the exemplars of its histograms.
import { useEffect, useState, type ReactElement } from 'react';
import { Box, Link, Table, TableBody, TableCell, TableHead, TableRow, Typography } from '@mui/material';
import { useSearchParams } from 'react-router-dom';
import { traceUrl } from './elsewhere';
import type { GrafanaDashboard } from './grafana';
import { useJson } from './json';

interface Found {
  data: { seriesLabels: Record<string, string>; exemplars: { labels: Record<string, string>; value: string; timestamp: number }[] }[];
}

interface Exemplar { trace: string; seconds: number; at: number; labels: Record<string, string> }

const BUCKETS = /\w+_seconds_bucket\{[^}]*\}/g;
const REFRESHED = 30;
const HOUR = 3600;
const SHOWN = 10;
// Besides these, what is measured is told apart by its own labels: route, topic, status and so on.
const OF_THE_TARGET = new Set(['__name__', 'namespace', 'service', 'pod', 'container', 'endpoint', 'instance', 'job', 'le']);

export function Exemplars({ dashboard }: { dashboard: GrafanaDashboard }): ReactElement | null {
  const [params] = useSearchParams();
  const [now, setNow] = useState(() => Math.floor(Date.now() / 1000));
  useEffect(() => {
    const timer = setInterval(() => setNow(Math.floor(Date.now() / 1000)), REFRESHED * 1000);
    return () => clearInterval(timer);
  }, []);
  const chosen = (name: string, usual: string): string => {
    const values = params.getAll(`var-${name}`).flatMap((each) => each.split(',')).filter((each) => each && each[0] !== '$');
    return values.length ? values.join('|') : usual === '$__all' ? '.+' : usual;
  };
  const selectors = new Set(
    dashboard.panels.flatMap((panel) => panel.targets ?? []).flatMap((target) => target.expr.match(BUCKETS) ?? []),
  );
  let query = [...selectors].join(' or ');
  for (const { name, current } of dashboard.templating.list) query = query.split(`$${name}`).join(chosen(name, current?.value ?? ''));
  const search = new URLSearchParams({ query: query || 'none', start: String(now - HOUR), end: String(now) });
  const { data } = useJson<Found>(`/prometheus/api/v1/query_exemplars?${search}`);
  const found = longest(data?.data ?? []);
  if (!found.length) return null;
  return (
    <Box sx={{ p: 2 }}>
      <Typography component="h2" variant="h6">Longest in the last hour</Typography>
      <Table size="small">
        <TableHead>
          <TableRow>{['Time', 'Seconds', 'Service', 'What', 'Trace'].map((each) => <TableCell key={each}>{each}</TableCell>)}</TableRow>
        </TableHead>
        <TableBody>
          {found.map(({ trace, seconds, at, labels }) => (
            <TableRow key={trace}>
              <TableCell>{new Date(at * 1000).toLocaleTimeString()}</TableCell>
              <TableCell>{seconds.toFixed(3)}</TableCell>
              <TableCell>{labels.job}</TableCell>
              <TableCell>{Object.keys(labels).filter((each) => !OF_THE_TARGET.has(each)).map((each) => labels[each]).join(' ')}</TableCell>
              <TableCell><Link href={traceUrl(trace)}>trace</Link></TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </Box>
  );
}

function longest(series: Found['data']): Exemplar[] {
  const all = series.flatMap(({ seriesLabels: labels, exemplars }) => exemplars.map((each) => ({
    trace: each.labels.trace_id, seconds: Number(each.value), at: each.timestamp, labels,
  })));
  // A trace is shown once, by what took longest in it.
  const seen = new Set<string>();
  return all.sort((a, b) => b.seconds - a.seconds).filter(({ trace }) => !seen.has(trace) && seen.add(trace)).slice(0, SHOWN);
}
