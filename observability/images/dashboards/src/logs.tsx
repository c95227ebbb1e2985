// The newest log lines that a query in Lucene's syntax finds, each with the way to its trace.
import { useEffect, useState, type FormEvent, type ReactElement } from 'react';
import {
  Alert, Box, Button, Link, Table, TableBody, TableCell, TableHead, TableRow, TextField, Typography,
} from '@mui/material';
import { Link as RouterLink, useSearchParams } from 'react-router-dom';
import { logsUrl, traceUrl } from './elsewhere';
import { useJson } from './json';

interface Line {
  '@timestamp': string;
  service?: string;
  level?: string;
  message: string;
  trace_id?: string;
  kubernetes?: { namespace: string; pod: string; container: string };
}

interface Found {
  hits: { total: { value: number; relation: string }; hits: { _id: string; _source: Line }[] };
}

const SECONDS = 10;
const COLOURS: Record<string, string> = { error: 'error.main', critical: 'error.main', warning: 'warning.dark' };

export function LogsPage(): ReactElement {
  const [params, setParams] = useSearchParams();
  const query = params.get('q') ?? '';
  const [text, setText] = useState(query);
  useEffect(() => setText(query), [query]);
  const search = new URLSearchParams({ size: '200', sort: '@timestamp:desc', q: query || '*', default_operator: 'AND' });
  const { data, error } = useJson<Found>(`/opensearch/search?${search}`, SECONDS);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setParams({ q: text });
  };
  return (
    <Box sx={{ p: 2 }}>
      <Box component="form" onSubmit={submit} sx={{ display: 'flex', gap: 1, mb: 2 }}>
        <TextField
          fullWidth
          size="small"
          label="Query"
          value={text}
          onChange={(event) => setText(event.target.value)}
          helperText="service:payment AND level:(error OR warning) · trace_id:… · kubernetes.namespace:platform · an order's id in quotes"
        />
        <Button type="submit" variant="contained" sx={{ alignSelf: 'flex-start' }}>Find</Button>
      </Box>
      {error && <Alert severity="error">{error.message}</Alert>}
      {data && (
        <>
          <Typography>
            {data.hits.total.relation === 'gte' ? 'over ' : ''}{data.hits.total.value} lines, the newest first
          </Typography>
          <Table size="small" sx={{ '& td': { verticalAlign: 'top', fontFamily: 'monospace', fontSize: 12 } }}>
            <TableHead>
              <TableRow>
                {['Time', 'Service', 'Level', 'Line', 'Trace'].map((each) => <TableCell key={each}>{each}</TableCell>)}
              </TableRow>
            </TableHead>
            <TableBody>
              {data.hits.hits.map(({ _id: id, _source: line }) => <Row key={id} line={line} />)}
            </TableBody>
          </Table>
        </>
      )}
    </Box>
  );
}

function Row({ line }: { line: Line }): ReactElement {
  const trace = line.trace_id;
  return (
    <TableRow>
      <TableCell sx={{ whiteSpace: 'nowrap' }}>{line['@timestamp'].replace('T', ' ').slice(0, 23)}</TableCell>
      <TableCell>{line.service ?? line.kubernetes?.container}</TableCell>
      <TableCell sx={{ color: COLOURS[line.level ?? ''] }}>{line.level}</TableCell>
      <TableCell sx={{ overflowWrap: 'anywhere' }}>{line.message}</TableCell>
      <TableCell sx={{ whiteSpace: 'nowrap' }}>
        {trace && (
          <>
            <Link href={traceUrl(trace)}>trace</Link>{' '}
            <Link component={RouterLink} to={logsUrl(`trace_id:${trace}`)}>its lines</Link>
          </>
        )}
      </TableCell>
    </TableRow>
  );
}
